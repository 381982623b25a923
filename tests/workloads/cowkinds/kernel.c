/* Faults that the kernel takes on a program's behalf, and faults that come to nothing. */
#include "cowkinds.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define BYTES (PAGES * page_size)
#define FAILS 8

void group_kernel(void)
{
    int fd, pipes[2];
    char *path = make_file("kernel", PAGES, &fd);
    struct peer child;
    ssize_t moved = 0;

    char *p = map_anon(PAGES);
    PHASE("read_into_fresh", p, PAGES, "anon_zero", PAGES, "kernel", PAGES, "fresh", PAGES)
        moved = pread(fd, p, BYTES, 0);
    if (moved != (ssize_t)BYTES)
        die("pread");
    if (peer_fork(&child)) {
        PHASE("read_into_shared", p, PAGES, "cow_copy", PAGES, "kernel", PAGES, "changed", PAGES)
            moved = pread(fd, p, BYTES, 0);
        peer_end(&child);
    }
    peer_end(&child);
    PHASE("read_into_own", p, PAGES, "cow_reuse", PAGES, "kernel", PAGES)
        moved = pread(fd, p, BYTES, 0);
    unmap(p, BYTES);

    if (pipe(pipes))
        die("pipe");
    p = map_anon(PAGES);
    PHASE("write_from_fresh", p, 8, "zero_page", 8, "kernel", 8, "fresh", 8) /* 8 pages fit any pipe */
        moved = write(pipes[1], p, 8 * page_size);
    if (moved != (ssize_t)(8 * page_size))
        die("write");
    unmap(p, BYTES);
    /* into the page cache the first copy runs with page faults disabled, comes back short, and is repeated */
    p = map_anon(PAGES);
    PHASE("write_file_from_fresh", p, 1, "zero_page", 1, "kernel", 1, "fresh", 1, "fixup", 1)
        moved = pwrite(fd, p, page_size, 0);
    if (moved != (ssize_t)page_size)
        die("pwrite");
    unmap(p, BYTES);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
    unlink(path);
    free(path);
}

static sigjmp_buf rescue;

static void on_signal(int number)
{
    siglongjmp(rescue, number);
}

/* Each touch dies; the handler goes on with the next page. */
static void touch_and_die(char *start, bool write)
{
    for (volatile size_t i = 0; i < FAILS; i++)
        if (!sigsetjmp(rescue, 1)) {
            if (write)
                *(volatile char *)(start + i * page_size) = 1;
            else
                (void)*(volatile char *)(start + i * page_size);
        }
}

void group_fail(void)
{
    struct sigaction action = {.sa_handler = on_signal}, old[2];
    sigaction(SIGSEGV, &action, &old[0]);
    sigaction(SIGBUS, &action, &old[1]);
    char *p = map_at(slot(), page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    PHASE("segv_first", p, 1, "failed", 1, "rehearsal", 1) /* maps the handler's own pages */
        if (!sigsetjmp(rescue, 1))
            *(volatile char *)p = 1;
    unmap(p, page_size);

    p = slot();
    PHASE("segv_no_mapping", p, FAILS, "failed", FAILS)
        touch_and_die(p, false);
    p = map_at(slot(), FAILS * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    PHASE("segv_no_access", p, FAILS, "failed", FAILS)
        touch_and_die(p, false);
    ssize_t written = 0;
    int null_pipe[2];
    if (pipe(null_pipe))
        die("pipe");
    PHASE("efault_no_access", p, FAILS, "failed", FAILS, "kernel", FAILS)
        for (size_t i = 0; i < FAILS; i++)
            written += write(null_pipe[1], p + i * page_size, 1) == -1;
    if (written != FAILS)
        die("write of an inaccessible page");
    close(null_pipe[0]);
    close(null_pipe[1]);
    unmap(p, FAILS * page_size);

    p = map_anon(FAILS);
    PHASE("segv_fill", p, FAILS, "anon_zero", FAILS, "fresh", FAILS)
        write_pages(p, FAILS);
    mprotect(p, FAILS * page_size, PROT_READ);
    PHASE("segv_read_only", p, FAILS, "failed", FAILS)
        touch_and_die(p, true);
    mprotect(p, FAILS * page_size, PROT_READ | PROT_WRITE);
    PHASE("segv_then_write", p, FAILS, "cow_reuse", kernel_at_least(6, 1) ? 0 : FAILS)
        write_pages(p, FAILS);
    unmap(p, FAILS * page_size);

    int fd;
    char *path = make_file("short", 1, &fd);
    p = map_at(slot(), (FAILS + 1) * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    PHASE("sigbus_past_end", p, FAILS + 1, "failed", FAILS)
        touch_and_die(p + page_size, false);
    unmap(p, (FAILS + 1) * page_size);
    close(fd);
    unlink(path);
    free(path);
    sigaction(SIGSEGV, &old[0], NULL);
    sigaction(SIGBUS, &old[1], NULL);
}
