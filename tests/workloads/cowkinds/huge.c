/* Transparent huge pages, PMD-sized and smaller. */
#include "cowkinds.h"

#include <stdio.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"

static int per_huge; /* base pages of a huge page: 512 on x86-64 */

static char *huge_filled(const char *name, int count)
{
    char *p = map_huge((size_t)count * huge_size);
    PHASE(name, p, count * per_huge, "thp_zero", count, "fresh", count * per_huge)
        write_pages(p, (size_t)(count * per_huge));
    return p;
}

static void first_touch(void)
{
    char *p = huge_filled("thp_write", 2);
    unmap(p, 2 * huge_size);
    p = map_huge(2 * huge_size);
    if (!file_has(THP "use_zero_page", "1")) {
        log_skip("thp_zero_page", "use_zero_page is off");
    } else {
        PHASE("thp_read", p, 2 * per_huge, "thp_zero_page", 2, "fresh", 2 * per_huge)
            read_pages(p, (size_t)(2 * per_huge));
        int whole = kernel_at_least(6, 13); /* before, the huge zero page is split and each base page paid for */
        PHASE("thp_read_then_write", p, 2 * per_huge, whole ? "thp_zero_page_cow" : "zero_page_cow",
              whole ? 2 : 2 * per_huge, "changed", 2 * per_huge)
            write_pages(p, (size_t)(2 * per_huge));
    }
    unmap(p, 2 * huge_size);
}

/* The child replaces every page; the parent is then the sole owner and keeps its huge mapping. */
static void child_takes_all(void)
{
    char *p = huge_filled("thp_all_fill", 1);
    struct peer child;
    if (peer_fork(&child)) {
        PHASE("thp_all_child", p, per_huge, "thp_split", 1, "cow_copy", per_huge - 1, "copied", per_huge, "changed",
              per_huge)
            write_pages(p, (size_t)per_huge);
        peer_tell(&child);
        peer_await(&child);
        peer_end(&child);
    }
    peer_await(&child);
    PHASE("thp_all_parent", p, per_huge, "thp_reuse", 1)
        write_pages(p, (size_t)per_huge);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, huge_size);
}

/* One base page left with the child keeps all of the huge page shared: the parent copies even what nobody shares. */
static void child_leaves_one(void)
{
    char *p = huge_filled("thp_one_fill", 1);
    struct peer child;
    if (peer_fork(&child)) {
        PHASE("thp_one_child", p, per_huge - 1, "thp_split", 1, "cow_copy", per_huge - 2, "copied", per_huge - 1,
              "changed", per_huge - 1)
            write_pages(p, (size_t)(per_huge - 1));
        peer_tell(&child);
        peer_await(&child);
        peer_end(&child);
    }
    peer_await(&child);
    PHASE("thp_one_parent", p, per_huge, "thp_split", 1, "cow_copy", per_huge - 1, "copied", per_huge, "changed",
          per_huge)
        write_pages(p, (size_t)per_huge);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, huge_size);
}

static void after_exit(void)
{
    char *p = huge_filled("thp_exit_fill", 2);
    struct peer child;
    if (peer_fork(&child))
        peer_end(&child);
    peer_end(&child);
    PHASE("thp_exit_parent", p, 2 * per_huge, "thp_reuse", 2)
        write_pages(p, (size_t)(2 * per_huge));
    unmap(p, 2 * huge_size);
}

/* The parent splits, then the child goes: the rest is the parent's own. Since 6.15 it is reused page by page. */
static void exit_after_split(void)
{
    char *p = huge_filled("thp_late_exit_fill", 1);
    struct peer child;
    if (peer_fork(&child)) {
        peer_await(&child);
        peer_end(&child);
    }
    PHASE("thp_late_exit_split", p, 1, "thp_split", 1, "copied", 1, "changed", 1)
        write_pages(p, 1);
    peer_tell(&child);
    peer_end(&child);
    int reuse = kernel_at_least(6, 15);
    PHASE("thp_late_exit_parent", p, per_huge, reuse ? "cow_reuse" : "cow_copy", per_huge - 1, "changed",
          reuse ? 0 : per_huge - 1)
        write_pages(p, (size_t)per_huge);
    unmap(p, huge_size);
}

/* The huge mapping is split by a system call, not by a fault. */
static void split_by_advice(void)
{
    char *p = huge_filled("thp_advice_fill", 1);
    madvise(p, page_size, MADV_DONTNEED);
    PHASE("thp_advice_rewrite", p, per_huge, "anon_zero", 1, "fresh", 1)
        write_pages(p, (size_t)per_huge);
    unmap(p, huge_size);
}

void group_thp(void)
{
    if (!huge_size || file_has(THP "enabled", "[never]")) {
        log_skip("thp", "transparent_hugepage/enabled is never, or no such huge pages");
        return;
    }
    per_huge = (int)(huge_size / page_size);
    first_touch();
    child_takes_all();
    child_leaves_one();
    after_exit();
    exit_after_split();
    split_by_advice();
}

static void one_size(int kilobytes)
{
    int pages = kilobytes * 1024 / (int)page_size;
    size_t bytes = (size_t)kilobytes * 1024;
    int reuse = kernel_at_least(6, 15); /* before, a large folio once shared is never reused */
    char name[48];
    struct peer child;

    char *p = map_huge(bytes);
    snprintf(name, sizeof name, "mthp_%dkB_write", kilobytes);
    PHASE(name, p, pages, "mthp_zero", 1, "fresh", pages)
        write_pages(p, (size_t)pages);
    if (peer_fork(&child))
        peer_end(&child);
    peer_end(&child);
    snprintf(name, sizeof name, "mthp_%dkB_exit_parent", kilobytes);
    PHASE(name, p, pages, reuse ? "cow_reuse" : "cow_copy", pages, "changed", reuse ? 0 : pages)
        write_pages(p, (size_t)pages);
    unmap(p, bytes);

    p = map_huge(bytes);
    snprintf(name, sizeof name, "mthp_%dkB_fill", kilobytes);
    PHASE(name, p, pages, "mthp_zero", 1, "fresh", pages)
        write_pages(p, (size_t)pages);
    if (peer_fork(&child)) {
        snprintf(name, sizeof name, "mthp_%dkB_child", kilobytes);
        PHASE(name, p, 1, "cow_copy", 1, "changed", 1)
            write_pages(p, 1);
        peer_tell(&child);
        peer_await(&child);
        peer_end(&child);
    }
    peer_await(&child);
    snprintf(name, sizeof name, "mthp_%dkB_parent", kilobytes);
    PHASE(name, p, pages, "cow_copy", pages, "changed", pages)
        write_pages(p, (size_t)pages);
    peer_tell(&child);
    peer_end(&child);
    unmap(p, bytes);

    p = map_huge(bytes);
    snprintf(name, sizeof name, "mthp_%dkB_read", kilobytes);
    PHASE(name, p, pages, "zero_page", pages, "fresh", pages)
        read_pages(p, (size_t)pages);
    snprintf(name, sizeof name, "mthp_%dkB_read_then_write", kilobytes);
    PHASE(name, p, pages, "zero_page_cow", pages, "changed", pages)
        write_pages(p, (size_t)pages);
    unmap(p, bytes);
}

void group_mthp(void)
{
    int sizes = 0;
    for (int kilobytes = 16; (size_t)kilobytes * 1024 < huge_size; kilobytes *= 2) {
        char path[96];
        snprintf(path, sizeof path, THP "hugepages-%dkB/enabled", kilobytes);
        if (file_has(path, "[madvise]") || file_has(path, "[always]")) {
            one_size(kilobytes);
            sizes++;
        }
    }
    if (!sizes)
        log_skip("mthp", "no hugepages-*kB/enabled is madvise or always");
}
