/* Memory shared by fork: who copies, who reuses, who has nothing to do. */
#include "cowkinds.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define COPY "cow_copy", PAGES, "changed", PAGES
#define REUSE "cow_reuse", PAGES
#define FILL "anon_zero", PAGES, "fresh", PAGES

static char *filled(const char *name)
{
    char *p = map_anon(PAGES);
    PHASE(name, p, PAGES, FILL)
        write_pages(p, PAGES);
    return p;
}

static void child_first(void)
{
    char *p = filled("child_first_fill");
    struct peer child;
    if (peer_fork(&child)) {
        PHASE("child_first_child", p, PAGES, COPY)
            write_pages(p, PAGES);
        PHASE("child_first_child_again", p, PAGES, NO_FAULTS)
            write_pages(p, PAGES);
        peer_tell(&child);
        peer_await(&child);
        peer_end(&child);
    }
    peer_await(&child);
    PHASE("child_first_parent", p, PAGES, REUSE) /* every page was replaced in the child: sole owner */
        write_pages(p, PAGES);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, PAGES * page_size);
}

static void parent_first(void)
{
    char *p = filled("parent_first_fill");
    struct peer child;
    if (peer_fork(&child)) {
        peer_await(&child);
        PHASE("parent_first_child", p, PAGES, REUSE)
            write_pages(p, PAGES);
        peer_end(&child);
    }
    PHASE("parent_first_parent", p, PAGES, COPY)
        write_pages(p, PAGES);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, PAGES * page_size);
}

/* The child takes half; the parent copies the half it still shares and reuses the other. */
static void half(void)
{
    char *p = filled("half_fill");
    struct peer child;
    if (peer_fork(&child)) {
        PHASE("half_child", p, PAGES / 2, "cow_copy", PAGES / 2, "changed", PAGES / 2)
            write_pages(p, PAGES / 2);
        peer_tell(&child);
        peer_await(&child);
        peer_end(&child);
    }
    peer_await(&child);
    PHASE("half_parent", p, PAGES, "cow_reuse", PAGES / 2, "cow_copy", PAGES / 2, "changed", PAGES / 2)
        write_pages(p, PAGES);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, PAGES * page_size);
}

static void three_children(void)
{
    char *p = filled("siblings_fill");
    struct peer children[3];
    for (int i = 0; i < 3; i++)
        if (peer_fork(&children[i])) {
            peer_await(&children[i]);
            PHASE("siblings_child", p, PAGES, COPY)
                write_pages(p, PAGES);
            peer_tell(&children[i]);
            peer_await(&children[i]);
            peer_end(&children[i]);
        }
    for (int i = 0; i < 3; i++) {
        peer_tell(&children[i]);
        peer_await(&children[i]);
    }
    PHASE("siblings_parent", p, PAGES, REUSE)
        write_pages(p, PAGES);
    for (int i = 0; i < 3; i++) {
        peer_tell(&children[i]);
        peer_end(&children[i]);
    }
    unmap(p, PAGES * page_size);
}

static void grandchild(void)
{
    char *p = filled("grandchild_fill");
    struct peer child, grand;
    if (peer_fork(&child)) {
        if (peer_fork(&grand)) {
            PHASE("grandchild_grandchild", p, PAGES, COPY)
                write_pages(p, PAGES);
            peer_tell(&grand);
            peer_await(&grand);
            peer_end(&grand);
        }
        peer_await(&grand);
        PHASE("grandchild_child", p, PAGES, COPY)
            write_pages(p, PAGES);
        peer_tell(&grand);
        peer_end(&grand);
        peer_tell(&child);
        peer_await(&child);
        peer_end(&child);
    }
    peer_await(&child);
    PHASE("grandchild_parent", p, PAGES, REUSE)
        write_pages(p, PAGES);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, PAGES * page_size);
}

static void after_exit(void)
{
    char *p = filled("exit_fill");
    struct peer child;
    for (int round = 0; round < 2; round++) { /* each fork protects again */
        if (peer_fork(&child))
            peer_end(&child);
        peer_end(&child);
        PHASE("exit_parent", p, PAGES, REUSE)
            write_pages(p, PAGES);
    }
    PHASE("exit_parent_again", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    unmap(p, PAGES * page_size);
}

static void advice(void)
{
    char *p = filled("dontfork_fill");
    struct peer child;
    madvise(p, PAGES * page_size, MADV_DONTFORK);
    if (peer_fork(&child)) {
        peer_await(&child);
        peer_end(&child);
    }
    PHASE("dontfork_parent", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, PAGES * page_size);

    p = filled("wipeonfork_fill");
    madvise(p, PAGES * page_size, MADV_WIPEONFORK);
    if (peer_fork(&child)) {
        PHASE("wipeonfork_child_read", p, PAGES / 2, "zero_page", PAGES / 2, "fresh", PAGES / 2)
            read_pages(p, PAGES / 2);
        PHASE("wipeonfork_child_write", p, PAGES, "zero_page_cow", PAGES / 2, "anon_zero", PAGES / 2, "changed",
              PAGES / 2, "fresh", PAGES / 2)
            write_pages(p, PAGES);
        peer_tell(&child);
        peer_await(&child);
        peer_end(&child);
    }
    peer_await(&child);
    PHASE("wipeonfork_parent", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, PAGES * page_size);
}

/* A write by another process: the page is copied, and no process took an exception for it. */
static void foreign_write(void)
{
    char *p = filled("foreign_fill");
    struct peer child;
    struct iovec local[1], remote[1];
    static char bytes[PAGES * 65536] __attribute__((aligned(65536)));
    ssize_t written = 0;
    write_pages(bytes, PAGES);
    if (peer_fork(&child)) {
        peer_tell(&child);
        peer_await(&child);
        PHASE("foreign_child", p, PAGES, NO_FAULTS)
            write_pages(p, PAGES);
        peer_end(&child);
    }
    peer_await(&child);
    *local = (struct iovec){bytes, PAGES * page_size};
    *remote = (struct iovec){p, PAGES * page_size};
    PHASE("foreign_parent", p, PAGES, "gup", PAGES)
        written = process_vm_writev(child.pid, local, 1, remote, 1, 0);
    if (written != (ssize_t)(PAGES * page_size))
        die("process_vm_writev");
    PHASE("foreign_parent_write", p, PAGES, REUSE)
        write_pages(p, PAGES);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, PAGES * page_size);
}

void group_fork(void)
{
    child_first();
    parent_first();
    half();
    three_children();
    grandchild();
    after_exit();
    advice();
    foreign_write();
}

static void after_exec(void)
{
    char *p = filled("exec_fill");
    pid_t pid = exec_child("wait", NULL);
    PHASE("exec_parent", p, PAGES, REUSE)
        write_pages(p, PAGES);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);

    pid = exec_child("touch", p); /* the same addresses in a new address space */
    waitpid(pid, NULL, 0);
    PHASE("exec_parent_again", p, PAGES, REUSE)
        write_pages(p, PAGES);
    unmap(p, PAGES * page_size);
}

static void no_copy_of_the_mm(void)
{
    char *p = map_anon(PAGES);
    PHASE("vfork_fill", p, PAGES / 2, "anon_zero", PAGES / 2, "fresh", PAGES / 2)
        write_pages(p, PAGES / 2);
    pid_t pid = vfork();
    if (pid == 0) { /* borrows the parent's memory: writes are the parent's writes, first touches too */
        PHASE("vfork_child", p, PAGES, "anon_zero", PAGES / 2, "fresh", PAGES / 2)
            write_pages(p, PAGES);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    PHASE("vfork_parent", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);

    char fd_text[] = "0", wait_mode[] = "wait", zero[] = "0", name[] = "cowkinds", flag[] = "--exec-child";
    char *arguments[] = {name, flag, fd_text, wait_mode, zero, NULL};
    if (posix_spawn(&pid, program, NULL, NULL, arguments, NULL))
        die("posix_spawn");
    PHASE("spawn_parent", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    unmap(p, PAGES * page_size);
}

void group_exec(void)
{
    after_exec();
    no_copy_of_the_mm();
}

void exec_child_main(int log, const char *mode, void *address)
{
    if (!strcmp(mode, "wait"))
        pause();
    log_open(log);
    warm();
    char *p = map_at(address, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    madvise(p, PAGES * page_size, MADV_NOHUGEPAGE);
    PHASE("exec_child_read", p, PAGES / 2, "zero_page", PAGES / 2, "fresh", PAGES / 2)
        read_pages(p, PAGES / 2);
    PHASE("exec_child_write", p, PAGES, "zero_page_cow", PAGES / 2, "anon_zero", PAGES / 2, "changed", PAGES / 2,
          "fresh", PAGES / 2)
        write_pages(p, PAGES);
}
