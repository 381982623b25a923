/* The log of phases: shared memory, so that children and exec'd children write into the same one. */
#include "cowkinds.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_PHASES 512
#define MAX_KEYS 8
#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_FRAME ((1ULL << 55) - 1)

struct phase {
    char name[48], why[96];
    pid_t tgid, tid;
    uint64_t start, end, begin_ns, end_ns;
    struct {
        char key[40];
        int count;
    } expect[MAX_KEYS];
    int keys, fresh, changed, same;
    long minflt, majflt;
    bool frames_known, ended;
};

struct log {
    atomic_int used;
    struct phase phases[MAX_PHASES];
};

static struct log *the_log;
static int the_fd;
static _Thread_local uint64_t frames_before[MAX_PAGES], frames_after[MAX_PAGES];

void log_open(int fd)
{
    the_fd = fd >= 0 ? fd : (int)syscall(SYS_memfd_create, "cowkinds-log", 0);
    if (the_fd < 0 || ftruncate(the_fd, sizeof(struct log)))
        die("log");
    the_log = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, the_fd, 0);
    if (the_log == MAP_FAILED)
        die("log");
}

int log_fd(void)
{
    return the_fd;
}

static struct phase *log_add(const char *name)
{
    int index = atomic_fetch_add(&the_log->used, 1);
    if (index >= MAX_PHASES)
        die("too many phases");
    struct phase *phase = &the_log->phases[index];
    snprintf(phase->name, sizeof phase->name, "%s", name);
    phase->tgid = getpid();
    phase->tid = (pid_t)syscall(SYS_gettid);
    return phase;
}

void log_skip(const char *what, const char *why)
{
    struct phase *phase = log_add(what);
    snprintf(phase->why, sizeof phase->why, "%s", why);
}

static void read_frames(const struct phase *phase, uint64_t *frames)
{
    size_t count = (phase->end - phase->start) / page_size;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    memset(frames, 0, sizeof frames_before);
    if (fd < 0 || count > MAX_PAGES || pread(fd, frames, count * 8, (off_t)(phase->start / page_size * 8)) < 0)
        memset(frames, 0, sizeof frames_before);
    if (fd >= 0)
        close(fd);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct phase *phase_begin(const char *name, const void *start, size_t bytes, ...)
{
    struct phase *phase = log_add(name);
    struct rusage usage;
    va_list pairs;
    phase->start = (uint64_t)start;
    phase->end = phase->start + bytes;
    va_start(pairs, bytes);
    for (const char *key; (key = va_arg(pairs, const char *)) != NULL; phase->keys++) {
        if (phase->keys == MAX_KEYS)
            die("too many keys");
        snprintf(phase->expect[phase->keys].key, sizeof phase->expect[0].key, "%s", key);
        phase->expect[phase->keys].count = va_arg(pairs, int);
    }
    va_end(pairs);
    read_frames(phase, frames_after); /* touch the second buffer too, before the clock starts */
    read_frames(phase, frames_before);
    stamp++; /* write_pages' own page, shared again after a fork */
    for (int i = 0; i < 2; i++) { /* the first round maps the vdso and the stack; the second is the answer */
        phase->end_ns = phase->begin_ns = now_ns();
        getrusage(RUSAGE_THREAD, &usage);
        phase->minflt = usage.ru_minflt;
        phase->majflt = usage.ru_majflt;
    }
    return phase;
}

struct phase *phase_end(struct phase *phase)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    phase->end_ns = now_ns();
    phase->minflt = usage.ru_minflt - phase->minflt;
    phase->majflt = usage.ru_majflt - phase->majflt;
    read_frames(phase, frames_after);
    for (size_t i = 0; i < (phase->end - phase->start) / page_size; i++) {
        uint64_t before = frames_before[i], after = frames_after[i];
        phase->frames_known |= (after & PAGEMAP_PRESENT) && (after & PAGEMAP_FRAME);
        if (!(after & PAGEMAP_PRESENT))
            continue;
        if (!(before & PAGEMAP_PRESENT))
            phase->fresh++;
        else if ((before & PAGEMAP_FRAME) != (after & PAGEMAP_FRAME))
            phase->changed++;
        else
            phase->same++;
    }
    phase->ended = true;
    return NULL;
}

int log_write(const char *path)
{
    FILE *out = fopen(path, "w");
    int left_open = 0;
    if (!out)
        die(path);
    for (int i = 0; i < atomic_load(&the_log->used); i++) {
        const struct phase *phase = &the_log->phases[i];
        if (phase->start && phase->start < BASE && phase->end == BASE)
            continue; /* a rehearsal, see warm() */
        if (phase->why[0]) {
            fprintf(out, "{\"skipped\": \"%s\", \"why\": \"%s\"}\n", phase->name, phase->why);
            continue;
        }
        left_open += !phase->ended;
        fprintf(out, "{\"phase\": \"%s\", \"tgid\": %d, \"tid\": %d, \"start\": %llu, \"end\": %llu, ", phase->name,
                phase->tgid, phase->tid, (unsigned long long)phase->start, (unsigned long long)phase->end);
        fprintf(out, "\"begin_ns\": %llu, \"end_ns\": %llu, \"expect\": {", (unsigned long long)phase->begin_ns,
                (unsigned long long)phase->end_ns);
        for (int key = 0; key < phase->keys; key++)
            fprintf(out, "%s\"%s\": %d", key ? ", " : "", phase->expect[key].key, phase->expect[key].count);
        fprintf(out, "}, \"minflt\": %ld, \"majflt\": %ld, ", phase->minflt, phase->majflt);
        if (phase->frames_known)
            fprintf(out, "\"frames\": {\"fresh\": %d, \"changed\": %d, \"same\": %d}}\n", phase->fresh, phase->changed,
                    phase->same);
        else
            fprintf(out, "\"frames\": null}\n");
    }
    return fclose(out) || left_open;
}
