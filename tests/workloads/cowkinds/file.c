/* Files and shared memory. */
#include "cowkinds.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BYTES (PAGES * page_size)
#define RW (PROT_READ | PROT_WRITE)
#define TMPFS_MAGIC 0x01021994

static int around; /* faults for PAGES cached pages read in order: the kernel maps a window each time */

static void set_around(void)
{
    long window = read_number("/sys/kernel/debug/fault_around_bytes");
    around = (int)(BYTES / (window > 0 ? (size_t)window : 65536));
}

/* Out of the page cache, and no readahead: then every first touch is one page of I/O. */
static void make_cold(int fd, char *p)
{
    unsigned char resident[PAGES];
    madvise(p, BYTES, MADV_RANDOM);
    for (int attempt = 0; attempt < 50; attempt++) {
        bool any = false;
        fsync(fd);
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        if (mincore(p, BYTES, resident))
            die("mincore");
        for (int i = 0; i < PAGES; i++)
            any |= resident[i] & 1;
        if (!any)
            return;
        usleep(20000);
    }
    die("pages stay in the page cache");
}

static void private_file(int fd)
{
    char *p = map_at(slot(), BYTES, RW, MAP_PRIVATE, fd);
    PHASE("file_write_first", p, PAGES, "file_cow", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    struct peer child;
    if (peer_fork(&child)) { /* these pages are anonymous by now */
        PHASE("file_child_write", p, PAGES, "cow_copy", PAGES, "changed", PAGES)
            write_pages(p, PAGES);
        peer_end(&child);
    }
    peer_end(&child);
    PHASE("file_parent_write", p, PAGES, "cow_reuse", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);

    p = map_at(slot(), BYTES, RW, MAP_PRIVATE, fd);
    PHASE("file_read", p, PAGES, "file_read", around, "fresh", PAGES)
        read_pages(p, PAGES);
    if (peer_fork(&child)) { /* fork does not copy the table of a mapping never written */
        PHASE("file_child_read", p, PAGES, "file_read", around, "fresh", PAGES)
            read_pages(p, PAGES);
        peer_end(&child);
    }
    peer_end(&child);
    PHASE("file_read_then_write", p, PAGES, "file_cow", PAGES, "changed", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);

    p = map_at(slot(), BYTES, RW, MAP_PRIVATE, fd);
    PHASE("file_populate_read", p, PAGES, "gup", around, "fresh", PAGES)
        madvise(p, BYTES, MADV_POPULATE_READ);
    PHASE("file_populate_then_write", p, PAGES, "file_cow", PAGES, "changed", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);

#if defined(__x86_64__)
    p = map_at(slot(), BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
    PHASE("file_exec", p, PAGES, "file_read", around, "exec", around, "fresh", PAGES)
        for (int i = 0; i < PAGES; i++)
            ((void (*)(void))(p + (size_t)i * page_size))();
    unmap(p, BYTES);
#endif
}

static void cold_file(int fd)
{
    char *p = map_at(slot(), BYTES, RW, MAP_PRIVATE, fd);
    make_cold(fd, p);
    PHASE("file_write_cold", p, PAGES, "file_cow", PAGES, "major", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);
    p = map_at(slot(), BYTES, RW, MAP_PRIVATE, fd);
    make_cold(fd, p);
    PHASE("file_read_cold", p, PAGES, "file_read", PAGES, "major", PAGES, "fresh", PAGES)
        read_pages(p, PAGES);
    PHASE("file_read_cold_then_write", p, PAGES, "file_cow", PAGES, "changed", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);
}

static void shared_file(int fd)
{
    char *p = map_at(slot(), BYTES, RW, MAP_SHARED, fd);
    PHASE("shared_write_first", p, PAGES, "file_mkwrite", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    msync(p, BYTES, MS_SYNC); /* writeback protects again */
    PHASE("shared_write_after_sync", p, PAGES, "file_mkwrite", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);
    fsync(fd);
    p = map_at(slot(), BYTES, RW, MAP_SHARED, fd);
    PHASE("shared_read", p, PAGES, "file_read", around, "fresh", PAGES)
        read_pages(p, PAGES);
    PHASE("shared_read_then_write", p, PAGES, "file_mkwrite", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);
}

void group_file(void)
{
    struct statfs fs;
    int fd;
    set_around();
    char *path = make_file("file", PAGES, &fd);
    if (fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC) {
        log_skip("file", "the folder is on tmpfs, where files are shared memory");
    } else {
        private_file(fd);
        cold_file(fd);
        shared_file(fd);
    }
    close(fd);
    unlink(path);
    free(path);
}

static void shared(const char *name, int flags, int fd)
{
    char text[48];
    struct peer child;
    char *p = map_at(slot(), BYTES, RW, MAP_SHARED | flags, fd);
    snprintf(text, sizeof text, "shmem_%s_write", name);
    PHASE(text, p, PAGES, "shmem", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    if (peer_fork(&child)) { /* shared mappings are not copied: the child maps them anew, and never copies */
        snprintf(text, sizeof text, "shmem_%s_child_read", name);
        PHASE(text, p, PAGES / 2, "shmem", around / 2, "fresh", PAGES / 2)
            read_pages(p, PAGES / 2);
        snprintf(text, sizeof text, "shmem_%s_child_write", name);
        PHASE(text, p, PAGES, "shmem", PAGES / 2, "fresh", PAGES / 2)
            write_pages(p, PAGES);
        peer_end(&child);
    }
    peer_end(&child);
    snprintf(text, sizeof text, "shmem_%s_parent_write", name);
    PHASE(text, p, PAGES, NO_FAULTS)
        write_pages(p, PAGES);
    unmap(p, BYTES);
}

void group_shmem(void)
{
    set_around();
    shared("anon", MAP_ANONYMOUS, -1);
    int fd = (int)syscall(SYS_memfd_create, "cow kinds", 0);
    if (fd < 0 || ftruncate(fd, (off_t)BYTES))
        die("memfd");
    shared("memfd", 0, fd);

    char *p = map_at(slot(), BYTES, RW, MAP_PRIVATE, fd);
    PHASE("memfd_private_write", p, PAGES, "file_cow", PAGES, "fresh", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);
    p = map_at(slot(), BYTES, RW, MAP_PRIVATE, fd);
    PHASE("memfd_private_read", p, PAGES, "file_read|shmem", around, "fresh", PAGES)
        read_pages(p, PAGES);
    PHASE("memfd_private_read_then_write", p, PAGES, "file_cow", PAGES, "changed", PAGES)
        write_pages(p, PAGES);
    unmap(p, BYTES);
    close(fd);

    char path[] = "/dev/shm/cowkinds.XXXXXX";
    fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, (off_t)BYTES)) {
        log_skip("shmem_tmpfs", "cannot write in /dev/shm");
        return;
    }
    shared("tmpfs", 0, fd);
    close(fd);
    unlink(path);
}
