/* cowkinds LOG FOLDER [GROUP...]: run the groups (all by default), write the log. */
#include "cowkinds.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *folder, *program;

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
    {"anon", group_anon},   {"map", group_map},         {"thread", group_thread}, {"fork", group_fork},
    {"exec", group_exec},   {"thp", group_thp},         {"mthp", group_mthp},     {"file", group_file},
    {"shmem", group_shmem}, {"kernel", group_kernel},   {"fail", group_fail},     {"swap", group_swap},
    {"ksm", group_ksm},     {"hugetlb", group_hugetlb}, {"uffd", group_uffd},
};

/* One CPU: a page waiting in another CPU's LRU batch holds a reference, and a reuse would turn into a copy. */
static void stay_on_one_cpu(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv)
{
    long huge = read_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    huge_size = huge > 0 && (size_t)huge <= MAX_PAGES / 2 * page_size ? (size_t)huge : 0;
    program = realpath("/proc/self/exe", NULL);
    if (argc == 5 && !strcmp(argv[1], "--exec-child")) {
        exec_child_main(atoi(argv[2]), argv[3], (void *)strtoul(argv[4], NULL, 10));
        return 0;
    }
    if (argc < 3) {
        fprintf(stderr, "usage: cowkinds LOG FOLDER [GROUP...]\n");
        return 2;
    }
    folder = argv[2];
    stay_on_one_cpu();
    log_open(-1);
    warm();
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        bool wanted = argc == 3;
        for (int arg = 3; arg < argc; arg++)
            wanted |= !strcmp(argv[arg], groups[i].name);
        if (wanted)
            groups[i].run();
    }
    return log_write(argv[1]);
}
