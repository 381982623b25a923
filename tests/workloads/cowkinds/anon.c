/* Private anonymous memory without fork: first touches, and mappings that are changed between touches. */
#include "cowkinds.h"

#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

void group_anon(void)
{
    char *p = map_anon(PAGES);
    PHASE("anon_write", p, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    PHASE("anon_write_again", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    unmap(p, PAGES * page_size);

    p = map_anon(PAGES);
    PHASE("zero_page_read", p, PAGES, "zero_page", PAGES, "fresh", PAGES)
        read_pages(p, PAGES);
    PHASE("zero_page_read_again", p, PAGES, NO_FAULTS)
        read_pages(p, PAGES);
    PHASE("zero_page_write", p, PAGES, "zero_page_cow", PAGES, "changed", PAGES)
        write_pages(p, PAGES);
    unmap(p, PAGES * page_size);
}

static void dontneed(void)
{
    char *p = map_anon(PAGES);
    PHASE("dontneed_fill", p, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    madvise(p, PAGES * page_size, MADV_DONTNEED);
    PHASE("dontneed_refill", p, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    madvise(p, PAGES * page_size, MADV_DONTNEED);
    PHASE("dontneed_read", p, PAGES, "zero_page", PAGES, "fresh", PAGES)
        read_pages(p, PAGES);
    unmap(p, PAGES * page_size);

    p = map_anon(PAGES);
    PHASE("lazyfree_fill", p, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    madvise(p, PAGES * page_size, MADV_FREE);
    PHASE("lazyfree_rewrite", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    unmap(p, PAGES * page_size);
}

static void remap(void)
{
    char *p = map_anon(PAGES);
    PHASE("unmap_fill", p, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    unmap(p, PAGES * page_size);
    p = map_at(p, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    madvise(p, PAGES * page_size, MADV_NOHUGEPAGE);
    PHASE("unmap_map_read", p, PAGES, "zero_page", PAGES, "fresh", PAGES)
        read_pages(p, PAGES);
    unmap(p, PAGES * page_size);

    p = map_anon(PAGES);
    PHASE("mremap_fill", p, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    char *moved = mremap(p, PAGES * page_size, PAGES * page_size, MREMAP_MAYMOVE | MREMAP_FIXED, p + huge_size * 2);
    if (moved == MAP_FAILED)
        die("mremap");
    PHASE("mremap_rewrite", moved, PAGES, NO_FAULTS)
        write_pages(moved, PAGES);
    struct peer child;
    if (peer_fork(&child)) {
        char *child_moved =
            mremap(moved, PAGES * page_size, PAGES * page_size, MREMAP_MAYMOVE | MREMAP_FIXED, p + huge_size * 4);
        PHASE("mremap_child_write", child_moved, PAGES, "cow_copy", PAGES, "changed", PAGES)
            write_pages(child_moved, PAGES);
        peer_end(&child);
    }
    peer_end(&child);
    PHASE("mremap_parent_write", moved, PAGES, "cow_reuse", PAGES)
        write_pages(moved, PAGES);
    unmap(moved, PAGES * page_size);
}

static void protect(void)
{
    char *p = map_anon(PAGES);
    PHASE("mprotect_fill", p, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    for (int i = 0; i < 3; i++) {
        mprotect(p, PAGES * page_size, PROT_READ);
        mprotect(p, PAGES * page_size, PROT_READ | PROT_WRITE);
    }
    /* 6.1 began to restore the write bit of pages that are exclusive */
    int reuse = kernel_at_least(6, 1) ? 0 : PAGES;
    PHASE("mprotect_rewrite", p, PAGES, "cow_reuse", reuse)
        write_pages(p, PAGES);
    unmap(p, PAGES * page_size);
}

static void populate(void)
{
    char *p = map_anon(PAGES);
    int result = 0;
    PHASE("populate_write", p, PAGES, "gup", PAGES, "fresh", PAGES)
        result = madvise(p, PAGES * page_size, MADV_POPULATE_WRITE);
    if (result)
        die("MADV_POPULATE_WRITE");
    PHASE("populate_then_write", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    struct peer child;
    if (peer_fork(&child)) {
        PHASE("populate_child", p, PAGES, "gup", PAGES, "changed", PAGES)
            madvise(p, PAGES * page_size, MADV_POPULATE_WRITE);
        PHASE("populate_child_write", p, PAGES, NO_FAULTS)
            write_pages(p, PAGES);
        peer_end(&child);
    }
    peer_end(&child);
    PHASE("populate_parent_write", p, PAGES, "cow_reuse", PAGES)
        write_pages(p, PAGES);
    unmap(p, PAGES * page_size);
}

static void stack(void)
{
    char *top = map_at((char *)slot() + 256 * page_size, page_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1);
    char *low = top - PAGES * page_size;
    PHASE("growsdown_write", low, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        for (int i = PAGES - 1; i >= 0; i--)
            write_pages(low + (size_t)i * page_size, 1);
    unmap(low, (PAGES + 1) * page_size);

    /* the real stack, far below anything used before; not at or above BASE + slots, so by its own address */
    char *here = (char *)((uintptr_t)__builtin_frame_address(0) & ~(page_size - 1));
    char *deep = here - 1024 * 1024;
    char *room = alloca(1024 * 1024 + (PAGES + 2) * page_size);
    __asm__ volatile("" : : "r"(room) : "memory");
    PHASE("stack_write", deep, PAGES, "anon_zero", PAGES, "fresh", PAGES)
        for (int i = PAGES - 1; i >= 0; i--)
            write_pages(deep + (size_t)i * page_size, 1);
}

void group_map(void)
{
    dontneed();
    remap();
    protect();
    populate();
    stack();
}

struct share {
    char *start;
    pthread_barrier_t *gate;
};

static void *fill_share(void *argument)
{
    struct share *share = argument;
    warm();
    pthread_barrier_wait(share->gate);
    PHASE("thread_fill", share->start, PAGES / 4, "anon_zero", PAGES / 4, "fresh", PAGES / 4)
        write_pages(share->start, PAGES / 4);
    pthread_barrier_wait(share->gate); /* the main thread forks and loses the child */
    pthread_barrier_wait(share->gate);
    PHASE("thread_rewrite", share->start, PAGES / 4, "cow_reuse", PAGES / 4)
        write_pages(share->start, PAGES / 4);
    return NULL;
}

void group_thread(void)
{
    pthread_t threads[4];
    struct share shares[4];
    pthread_barrier_t gate;
    struct peer child;
    char *p = map_anon(PAGES);
    pthread_barrier_init(&gate, NULL, 5);
    for (int i = 0; i < 4; i++) {
        shares[i] = (struct share){p + (size_t)i * PAGES / 4 * page_size, &gate};
        if ((errno = pthread_create(&threads[i], NULL, fill_share, &shares[i])))
            die("pthread_create");
    }
    pthread_barrier_wait(&gate);
    pthread_barrier_wait(&gate);
    if (peer_fork(&child)) {
        PHASE("thread_child_write", p, PAGES / 2, "cow_copy", PAGES / 2, "changed", PAGES / 2)
            write_pages(p, PAGES / 2);
        peer_end(&child);
    }
    peer_end(&child);
    pthread_barrier_wait(&gate);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    unmap(p, PAGES * page_size);
}
