/* cowkinds: a program whose page faults are known before it runs.
 *
 * It is a list of phases. A phase is one loop over one mapping at or above BASE, and it says beforehand
 * how many faults of which kind that loop makes. Nothing else touches that range, so a recording can be
 * checked by address, process and time. The log (JSON lines) carries the declared counts, and beside
 * them what the kernel's other books say: page frames before and after (/proc/self/pagemap) and the
 * thread's own fault counters (getrusage). Those two never went through perf.
 */
#ifndef COWKINDS_H
#define COWKINDS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

#define BASE 0x100000000000UL /* first slot; 1 GiB apart, so no two groups share a page-table page */
#define PAGES 64              /* pages of an ordinary phase */
#define MAX_PAGES 1024        /* pages of the longest phase: two huge pages */

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct phase;

extern size_t page_size;
extern size_t huge_size;    /* bytes of a PMD mapping; 0 where the kernel has none */
extern int stamp;           /* what write_pages wrote last */
extern const char *folder;  /* where files are made; a real filesystem for the file group */
extern const char *program; /* this executable, for children that exec */

/* phase.c: the log */
void log_open(int fd);    /* fd -1: a new log */
int log_fd(void);
int log_write(const char *path);
void log_skip(const char *what, const char *why);
struct phase *phase_begin(const char *name, const void *start, size_t bytes, ...);
struct phase *phase_end(struct phase *phase); /* always NULL, to end PHASE's loop */

/* Declare, then run the statement that follows: PHASE("fill", p, PAGES, "anon_zero", PAGES) write_pages(p, PAGES);
 * Pairs of key and int. Keys: kinds of fault ("a|b": the outcome has two names), and
 *   fresh, changed  frames that appear, or are another frame afterwards
 *   major           of the faults, how many the kernel books as major
 *   kernel, exec    faults whose instruction ran in kernel mode; instruction fetches
 *   fixup           exceptions taken with page faults disabled: no software event, nothing booked
 *   gup             faults booked by getrusage that raised no exception
 *   rehearsal       1: the first of its sort, which may fault elsewhere too; getrusage says nothing
 *   copied          base pages copied, where the kinds do not say */
#define PHASE(name, start, pages, ...)                                                                       \
    for (struct phase *phase_ = phase_begin(name, start, (size_t)(pages) * page_size, __VA_ARGS__, NULL); phase_; \
         phase_ = phase_end(phase_))
#define NO_FAULTS "unknown", 0

/* memory.c */
void *slot(void); /* the next unused GiB */
char *map_at(void *address, size_t bytes, int prot, int flags, int fd);
char *map_anon(size_t pages); /* a fresh slot, private, never huge */
char *map_huge(size_t bytes); /* a fresh slot, private, MADV_HUGEPAGE */
void unmap(char *start, size_t bytes);
void write_pages(char *start, size_t pages);
void read_pages(const char *start, size_t pages);
bool kernel_at_least(int major, int minor);
long read_number(const char *path); /* -1: not there */
bool file_has(const char *path, const char *words);
char *make_file(const char *name, size_t pages, int *fd); /* path; written page by page: base-page folios */
void die(const char *what);

/* peer.c: a forked child that works in step with its parent */
struct peer {
    pid_t pid;
    int up[2], down[2];
};
bool peer_fork(struct peer *peer); /* true in the child, which has touched its own stack, log and code */
void peer_tell(struct peer *peer);
void peer_await(struct peer *peer);
void peer_end(struct peer *peer); /* the child leaves here; the parent waits for it */
void warm(void);
pid_t exec_child(const char *mode, void *address); /* fork and exec; back when the old address space is gone */

/* one file per group */
void group_anon(void);
void group_map(void);
void group_thread(void);
void group_fork(void);
void group_exec(void);
void group_thp(void);
void group_mthp(void);
void group_file(void);
void group_shmem(void);
void group_kernel(void);
void group_fail(void);
void group_swap(void);
void group_ksm(void);
void group_hugetlb(void);
void group_uffd(void);
void exec_child_main(int log, const char *mode, void *address);

#endif
