/* Mappings at known places, and what the machine offers. */
#include "cowkinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

size_t page_size, huge_size;
int stamp; /* never the same content twice: KSM and swap treat equal and zero pages specially */
static unsigned long slots_used;

void die(const char *what)
{
    fprintf(stderr, "cowkinds: %s: %s\n", what, strerror(errno));
    _exit(2);
}

void *slot(void)
{
    return (void *)(BASE + slots_used++ * (1UL << 30));
}

char *map_at(void *address, size_t bytes, int prot, int flags, int fd)
{
    char *start = mmap(address, bytes, prot, flags | MAP_FIXED_NOREPLACE, fd, 0);
    if (start != address)
        die("mmap");
    return start;
}

char *map_anon(size_t pages)
{
    char *start = map_at(slot(), pages * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    madvise(start, pages * page_size, MADV_NOHUGEPAGE);
    return start;
}

char *map_huge(size_t bytes)
{
    char *start = map_at(slot(), bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    madvise(start, bytes, MADV_HUGEPAGE);
    return start;
}

void unmap(char *start, size_t bytes)
{
    if (munmap(start, bytes))
        die("munmap");
}

void write_pages(char *start, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        *(volatile int *)(start + i * page_size) = ++stamp;
}

void read_pages(const char *start, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        (void)*(const volatile char *)(start + i * page_size);
}

bool kernel_at_least(int major, int minor)
{
    struct utsname name;
    int have_major = 0, have_minor = 0;
    uname(&name);
    sscanf(name.release, "%d.%d", &have_major, &have_minor);
    return have_major > major || (have_major == major && have_minor >= minor);
}

long read_number(const char *path)
{
    FILE *in = fopen(path, "r");
    long number = -1;
    if (!in)
        return -1;
    if (fscanf(in, "%ld", &number) != 1)
        number = -1;
    fclose(in);
    return number;
}

bool file_has(const char *path, const char *words)
{
    char text[4096];
    FILE *in = fopen(path, "r");
    if (!in)
        return false;
    text[fread(text, 1, sizeof text - 1, in)] = 0;
    fclose(in);
    return strstr(text, words) != NULL;
}

char *make_file(const char *name, size_t pages, int *fd)
{
    char *path, *content = malloc(page_size);
    if (asprintf(&path, "%s/%s.%d", folder, name, (int)getpid()) < 0)
        die(name);
    *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*fd < 0)
        die(path);
    memset(content, 0xc3, page_size); /* x86 "ret" */
    for (size_t i = 0; i < pages; i++) {
        if (pwrite(*fd, content, page_size, (off_t)(i * page_size)) != (ssize_t)page_size)
            die(path);
        /* written back one by one: neighbouring dirty pages could otherwise share a large folio */
        sync_file_range(*fd, (off_t)(i * page_size), (off_t)page_size, 0);
    }
    fsync(*fd);
    free(content);
    return path;
}
