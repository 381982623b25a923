// A parent and two forked children with one mapping of each kind that smaps shows differently; they wait until stdin closes.
// The first child then writes 16 of the 64 pages of "forked".
//
// Usage: mappings FOLDER
// Prints one line "NAME START BYTES" for each mapping, in hex without 0x, then "PARENT CHILD CHILD".
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

enum { PAGE = 4096, PAGES = 64, HUGE = 2 << 20 };

static char *next = (char *)0x200000000000;  // below the stack and the libraries, the same in every run

static char *map(const char *name, size_t bytes, int flags, int fd)
{
    char *at = mmap(next, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, fd, 0);
    if (at == MAP_FAILED)
        return NULL;
    printf("%s %lx %zx\n", name, (unsigned long)at, bytes);
    next += (bytes + 2 * HUGE - 1) / HUGE * HUGE;
    return at;
}

static int file(const char *folder, const char *name)
{
    static char page[PAGE];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; fd >= 0 && i < PAGES; i++)
        if (write(fd, page, PAGE) != PAGE)
            exit(3);
    return fd < 0 ? exit(3), fd : fd;
}

static void touch(char *at, int pages)
{
    for (int i = 0; at && i < pages; i++)
        at[(size_t)i * PAGE] = 1;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    char path[4096], *shared_by_fork, *named;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    touch(shared_by_fork = map("forked", PAGES * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1), PAGES);
    char *zero = map("zero_page", PAGES * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    for (int i = 0; i < PAGES; i++)
        *(volatile char *)(zero + i * PAGE);
    named = map("named", PAGES * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, PAGES * PAGE, "pool: (hot) #1"))
        fprintf(stderr, "no names for anonymous memory in this kernel\n");
    touch(map("shared_anonymous", PAGES * PAGE, MAP_SHARED | MAP_ANONYMOUS, -1), PAGES);
    int fd = memfd_create("my memfd", 0);
    if (fd < 0 || ftruncate(fd, PAGES * PAGE))
        return 3;
    touch(map("memfd", PAGES * PAGE, MAP_SHARED, fd), PAGES);
    touch(map("blanks", PAGES * PAGE, MAP_SHARED, file(argv[1], "with  two blanks ")), PAGES);
    touch(map("newline", PAGES * PAGE, MAP_PRIVATE, file(argv[1], "new\nline\\012")), 1);
    touch(map("kept", PAGES * PAGE, MAP_PRIVATE, file(argv[1], "kept (deleted)")), 1);
    touch(map("deleted", PAGES * PAGE, MAP_PRIVATE, file(argv[1], "tab\tgone")), 1);
    touch(map("bytes", PAGES * PAGE, MAP_PRIVATE, file(argv[1], "latin\xe9\x1b[31m")), 1);
    snprintf(path, sizeof path, "%s/tab\tgone", argv[1]);
    unlink(path);
    char *huge = map("huge", HUGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (huge && !madvise(huge, HUGE, MADV_HUGEPAGE))
        touch(huge, 1);
    touch(map("hugetlb", HUGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1), 1);
    fflush(stdout);

    int ready[2];
    if (pipe(ready))
        return 3;
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] < 0)
            return 3;
        if (children[i] == 0) {
            if (i == 0)
                touch(shared_by_fork, 16);
            if (write(ready[1], "", 1) != 1)
                return 3;
            pause();
            return 0;
        }
    }
    char bytes[2];
    for (int i = 0; i < 2; i++)
        if (read(ready[0], bytes + i, 1) != 1)
            return 3;
    printf("%d %d %d\n", getpid(), children[0], children[1]);
    fflush(stdout);
    while (read(0, bytes, 1) > 0)
        ;
    for (int i = 0; i < 2; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    return 0;
}
