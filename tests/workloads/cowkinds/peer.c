/* Children that take turns with their parent, so that the order of writes is known. */
#include "cowkinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char __executable_start, etext;

void warm(void)
{
    char stack[64 * 1024];
    unsigned long first = (unsigned long)&__executable_start & ~(page_size - 1);
    memset(stack, 1, sizeof stack);
    __asm__ volatile("" : : "r"(stack) : "memory");
    madvise((void *)first, (unsigned long)&etext - first, MADV_POPULATE_READ);
    for (int i = 0; i < 2; i++) /* the first call of everything maps its page */
        PHASE("warm", (void *)(BASE - page_size), 1, NO_FAULTS)
            ;
}

bool peer_fork(struct peer *peer)
{
    if (pipe2(peer->up, O_CLOEXEC) || pipe2(peer->down, O_CLOEXEC))
        die("pipe");
    peer->pid = fork();
    if (peer->pid < 0)
        die("fork");
    if (peer->pid == 0) {
        warm();
        close(peer->up[0]);
        close(peer->down[1]);
        return true;
    }
    close(peer->up[1]);
    close(peer->down[0]);
    return false;
}

void peer_tell(struct peer *peer)
{
    if (write(peer->pid ? peer->down[1] : peer->up[1], "x", 1) != 1)
        die("tell");
}

void peer_await(struct peer *peer)
{
    char token;
    if (read(peer->pid ? peer->up[0] : peer->down[0], &token, 1) != 1)
        die("await");
}

void peer_end(struct peer *peer)
{
    int status;
    if (peer->pid == 0)
        _exit(0);
    close(peer->up[0]);
    close(peer->down[1]);
    if (waitpid(peer->pid, &status, 0) != peer->pid || !WIFEXITED(status) || WEXITSTATUS(status))
        die("a child failed");
}

pid_t exec_child(const char *mode, void *address)
{
    char fd_text[16], address_text[32], token;
    int gone[2];
    snprintf(fd_text, sizeof fd_text, "%d", log_fd());
    snprintf(address_text, sizeof address_text, "%lu", (unsigned long)address);
    if (pipe2(gone, O_CLOEXEC))
        die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, "cowkinds", "--exec-child", fd_text, mode, address_text, (char *)NULL);
        _exit(127);
    }
    close(gone[1]);
    if (read(gone[0], &token, 1) != 0) /* end of file: exec closed the child's end after it dropped the memory */
        die("exec");
    close(gone[0]);
    return pid;
}
