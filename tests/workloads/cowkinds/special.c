/* What needs the machine prepared: swap, KSM, a hugetlb pool, userfaultfd. */
#include "cowkinds.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BYTES (PAGES * page_size)
#define FILL "anon_zero", PAGES, "fresh", PAGES
#define MERGED 32
#define POOL 4

static void read_pagemap(char *p, uint64_t *entries, size_t count)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, entries, count * 8, (off_t)((uintptr_t)p / page_size * 8)) != (ssize_t)(count * 8))
        die("pagemap");
    close(fd);
}

static void page_out(char *p)
{
    uint64_t entries[PAGES];
    for (int attempt = 0; attempt < 50; attempt++) {
        int out = 0;
        madvise(p, BYTES, MADV_PAGEOUT);
        read_pagemap(p, entries, PAGES);
        for (int i = 0; i < PAGES; i++)
            out += !(entries[i] >> 63) && (entries[i] >> 62 & 1);
        if (out == PAGES)
            return;
        usleep(20000);
    }
    die("MADV_PAGEOUT leaves pages in memory");
}

void group_swap(void)
{
    struct peer child;
    if (!file_has("/proc/swaps", "/dev/") && !file_has("/proc/swaps", "file")) {
        log_skip("swap", "no swap device");
        return;
    }
    int major = file_has("/proc/swaps", "zram") ? PAGES : -1; /* on a disk, readahead makes some of them minor */
    char *p = map_anon(PAGES);
    PHASE("swap_fill", p, PAGES, FILL)
        write_pages(p, PAGES);
    page_out(p);
    PHASE("swap_read", p, PAGES, "swap_in", PAGES, "fresh", PAGES, "major", major)
        read_pages(p, PAGES);
    PHASE("swap_read_then_write", p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    page_out(p);
    PHASE("swap_write", p, PAGES, "swap_in", PAGES, "fresh", PAGES, "major", major)
        write_pages(p, PAGES);
    page_out(p);
    if (peer_fork(&child)) { /* read and copied in the same fault */
        PHASE("swap_child_write", p, PAGES, "swap_in", PAGES, "fresh", PAGES)
            write_pages(p, PAGES);
        peer_end(&child);
    }
    peer_end(&child);
    PHASE("swap_parent_read", p, PAGES, "swap_in", PAGES, "fresh", PAGES)
        read_pages(p, PAGES);
    unmap(p, BYTES);

    p = map_anon(PAGES);
    PHASE("swap_zero_fill", p, PAGES, FILL)
        for (size_t i = 0; i < PAGES; i++)
            *(volatile char *)(p + i * page_size) = 0;
    page_out(p);
    PHASE("swap_zero_read", p, PAGES, "swap_in", PAGES, "fresh", PAGES)
        read_pages(p, PAGES);
    unmap(p, BYTES);
}

static void run_ksmd(const char *mode)
{
    FILE *file = fopen("/sys/kernel/mm/ksm/run", "w");
    if (file) {
        fputs(mode, file);
        fclose(file);
    }
}

void group_ksm(void)
{
    uint64_t entries[MERGED];
    if (read_number("/sys/kernel/mm/ksm/run") != 1) {
        log_skip("ksm", "ksmd is not running");
        return;
    }
    char *p = map_anon(MERGED);
    PHASE("ksm_fill", p, MERGED, "anon_zero", MERGED, "fresh", MERGED)
        for (size_t i = 0; i < MERGED; i++)
            memset(p + i * page_size, 0x5a, page_size);
    madvise(p, MERGED * page_size, MADV_MERGEABLE);
    for (int attempt = 0, same = 0; same < MERGED; attempt++) {
        if (attempt == 500) {
            log_skip("ksm_write", "ksmd merged nothing in ten seconds");
            return;
        }
        usleep(20000);
        read_pagemap(p, entries, MERGED);
        for (same = 0; same < MERGED && entries[same] << 9 == entries[0] << 9; same++)
            ;
    }
    /* a scan in the middle of the writes would protect a page again and make one more fault */
    run_ksmd("0");
    PHASE("ksm_write", p, MERGED, "ksm_copy", MERGED, "changed", MERGED)
        write_pages(p, MERGED);
    run_ksmd("1");
    unmap(p, MERGED * page_size);
}

void group_hugetlb(void)
{
    struct peer child;
    size_t bytes = POOL * huge_size;
    int pages = (int)(bytes / page_size);
    if (!huge_size || read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") < 3 * POOL) {
        log_skip("hugetlb", "fewer than 12 free pages in the hugetlb pool");
        return;
    }
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
    char *p = map_at(slot(), bytes, PROT_READ | PROT_WRITE, flags, -1);
    PHASE("hugetlb_read", p, MAX_PAGES, "hugetlb", 2, "fresh", MAX_PAGES)
        read_pages(p, MAX_PAGES);
    unmap(p, bytes);
    p = map_at(slot(), bytes, PROT_READ | PROT_WRITE, flags, -1);
    PHASE("hugetlb_write", p, pages, "hugetlb", POOL)
        write_pages(p, (size_t)pages);
    if (peer_fork(&child)) {
        PHASE("hugetlb_child_write", p, pages, "hugetlb_cow", POOL)
            write_pages(p, (size_t)pages);
        peer_end(&child);
    }
    peer_end(&child);
    PHASE("hugetlb_parent_write", p, pages, "cow_reuse|thp_reuse|hugetlb", POOL)
        write_pages(p, (size_t)pages);
    unmap(p, bytes);
}

static char *monitor_source;

static void *monitor(void *argument)
{
    int fd = *(int *)argument;
    struct uffd_msg message;
    for (int served = 0; served < PAGES; served++) {
        if (read(fd, &message, sizeof message) != sizeof message)
            die("userfaultfd read");
        struct uffdio_copy copy = {.dst = message.arg.pagefault.address & ~(page_size - 1),
                                   .src = (uintptr_t)monitor_source, .len = page_size};
        if (ioctl(fd, UFFDIO_COPY, &copy))
            die("UFFDIO_COPY");
    }
    return NULL;
}

void group_uffd(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    pthread_t thread;
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (fd < 0 || ioctl(fd, UFFDIO_API, &api)) {
        log_skip("uffd", "userfaultfd is not permitted here");
        return;
    }
    monitor_source = aligned_alloc(page_size, page_size);
    memset(monitor_source, 7, page_size);
    char *p = map_anon(PAGES);
    struct uffdio_register range = {.range = {(uintptr_t)p, BYTES}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (ioctl(fd, UFFDIO_REGISTER, &range) || pthread_create(&thread, NULL, monitor, &fd))
        die("userfaultfd");
    PHASE("uffd_read", p, PAGES / 2, "uffd", PAGES / 2, "fresh", PAGES / 2)
        read_pages(p, PAGES / 2);
    PHASE("uffd_write", p, PAGES, "uffd", PAGES / 2, "fresh", PAGES / 2)
        write_pages(p, PAGES);
    pthread_join(thread, NULL);
    close(fd);
    unmap(p, BYTES);
    free(monitor_source);
}
