/*
 * A process forks four times; parent and child write what they share at different strides.
 *
 *     strided_fork [MIB]
 *
 * The arena has four quarters: every page written before the forks, every 8th, every 64th, and none. So some 2 MiB ranges are full, some
 * sparse, some hold one page in 64, and some first appear in a child. Nothing depends on time or chance: the children run one at a time.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, ROUNDS = 4 };

static void write_pages(char *start, size_t pages, size_t stride)
{
	for (size_t page = 0; page < pages; page += stride)
		start[page * PAGE]++;
}

static void child(char *arena, size_t quarter)
{
	prctl(PR_SET_NAME, "strided-child");
	write_pages(arena, quarter, 4);
	write_pages(arena + 1 * quarter * PAGE, quarter, 16);
	write_pages(arena + 3 * quarter * PAGE, quarter, 32);
	_exit(0);
}

int main(int argc, char **argv)
{
	size_t quarter = (size_t)(argc > 1 ? atol(argv[1]) : 48) * (1 << 20) / PAGE / 4;
	char *arena = mmap(NULL, 4 * quarter * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (arena == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	write_pages(arena, quarter, 1);
	write_pages(arena + 1 * quarter * PAGE, quarter, 8);
	write_pages(arena + 2 * quarter * PAGE, quarter, 64);
	for (int round = 0; round < ROUNDS; round++) {
		int ready[2];
		char byte;
		pid_t pid;

		if (pipe(ready) != 0 || (pid = fork()) < 0) {
			perror("fork");
			return 1;
		}
		if (pid == 0) {
			/* the parent writes first, so that it copies and the child finds pages of its own */
			close(ready[1]);
			if (read(ready[0], &byte, 1) != 1)
				_exit(1);
			child(arena, quarter);
		}
		close(ready[0]);
		write_pages(arena, quarter, 16);
		write_pages(arena + 1 * quarter * PAGE, quarter, 64);
		if (write(ready[1], "", 1) != 1)
			return 1;
		waitpid(pid, NULL, 0);
		close(ready[1]);
		write_pages(arena, quarter, 2);
	}
	return 0;
}
