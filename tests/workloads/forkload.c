/*
 * A server that snapshots itself: it dirties an arena, forks, and both sides go on writing while a thread of the child
 * scans its own scratch memory. Every round is a few hundred page faults of many kinds; every child has its own name.
 *
 *     forkload ROUNDS PAGES
 *
 * ROUNDS children, two alive at a time; PAGES 4 KiB pages in the arena. Each child copies all of them; the parent copies a quarter.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCRATCH_PAGES = 16, FILE_PAGES = 8, SHARED_PAGES = 8, EXEC_EVERY = 64, ALIVE = 2 };

static size_t page_bytes;
static volatile char sink;

static char *map(size_t pages, int flags)
{
	char *start = mmap(NULL, pages * page_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (start == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	madvise(start, pages * page_bytes, MADV_NOHUGEPAGE);
	return start;
}

static void write_pages(char *start, size_t from, size_t to)
{
	for (size_t page = from; page < to; page++)
		start[page * page_bytes]++;
}

static void read_pages(const char *start, size_t from, size_t to)
{
	for (size_t page = from; page < to; page++)
		sink = start[page * page_bytes];
}

/* First touch by reading (zero page), then by writing (zeroed copy); the second half is written at once. */
static void *scan(void *unused)
{
	char *scratch = map(SCRATCH_PAGES, MAP_PRIVATE | MAP_ANONYMOUS);

	(void)unused;
	pthread_setname_np(pthread_self(), "scan");
	read_pages(scratch, 0, SCRATCH_PAGES / 2);
	write_pages(scratch, 0, SCRATCH_PAGES);
	munmap(scratch, SCRATCH_PAGES * page_bytes);
	return NULL;
}

static void child(long round, char *arena, size_t pages, char *shared, char *file)
{
	pthread_t thread;
	char name[32];

	snprintf(name, sizeof(name), "snap %ld", round);
	prctl(PR_SET_NAME, name);
	write_pages(arena, 0, pages);
	write_pages(shared, 0, SHARED_PAGES);
	read_pages(file, 0, FILE_PAGES);
	write_pages(file, 0, FILE_PAGES / 2);
	if (pthread_create(&thread, NULL, scan, NULL) == 0)
		pthread_join(thread, NULL);
	if (round % EXEC_EVERY == 0)
		execl("/bin/true", "true", (char *)NULL);
	_exit(0);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 100;
	size_t pages = argc > 2 ? (size_t)atol(argv[2]) : 256;
	char *arena, *shared, *file;
	FILE *temporary;
	int alive = 0;

	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	arena = map(pages, MAP_PRIVATE | MAP_ANONYMOUS);
	shared = map(SHARED_PAGES, MAP_SHARED | MAP_ANONYMOUS);
	temporary = tmpfile();
	if (temporary == NULL || ftruncate(fileno(temporary), (off_t)(FILE_PAGES * page_bytes)) != 0) {
		perror("tmpfile");
		return 1;
	}
	file = mmap(NULL, FILE_PAGES * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(temporary), 0);
	if (file == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	write_pages(arena, 0, pages);
	for (long round = 1; round <= rounds; round++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (pid == 0)
			child(round, arena, pages, shared, file);
		write_pages(arena, 0, pages / 4);
		if (++alive == ALIVE) {
			wait(NULL);
			alive--;
		}
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
