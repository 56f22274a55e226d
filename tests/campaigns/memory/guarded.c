/* Memory for NumPy between pages that nobody may touch; guarded.py says what for.

   Of each array: a page that tells its size, a page nobody may touch, its own pages, and another
   that nobody may touch. On the side that has no such page next to it lies a pattern. */

#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096ul
#define KINDS 4096 /* by pages: of arrays of up to 16 MiB */
#define PATTERN 0xA5
/* Every so many freed arrays one becomes untouchable, as long as there are no more of them than
   these: to ask the system each time would take longer than all that is tested. */
#define EVERY 8
#define REMEMBERED 256

typedef struct { size_t pages, size; char *next; } Head;

static int after;
static long spoilt, count;
static char *unused[KINDS], *freed[REMEMBERED];
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;

static Head *head(char *start) { return (Head *)(start - 2 * PAGE); }
static char *start_of(void *p) { return (char *)((size_t)p & ~(PAGE - 1)); }

static void keep(char *start)
{
    size_t pages = head(start)->pages;
    if (pages >= KINDS) {
        munmap(start - 2 * PAGE, (pages + 3) * PAGE);
        return;
    }
    head(start)->next = unused[pages];
    unused[pages] = start;
}

static void *take(void *context, size_t size)
{
    size_t pages = size ? (size + PAGE - 1) / PAGE : 1, rest = pages * PAGE - size;
    char *start;
    pthread_mutex_lock(&busy);
    if (pages < KINDS && unused[pages]) {
        start = unused[pages];
        unused[pages] = head(start)->next;
    } else {
        char *region = mmap(NULL, (pages + 3) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (region == MAP_FAILED) {
            pthread_mutex_unlock(&busy);
            return NULL;
        }
        start = region + 2 * PAGE;
        mprotect(region, PAGE, PROT_READ | PROT_WRITE);
        mprotect(start, pages * PAGE, PROT_READ | PROT_WRITE);
        head(start)->pages = pages;
    }
    head(start)->size = size;
    memset(after ? start : start + size, PATTERN, rest);
    pthread_mutex_unlock(&busy);
    return after ? start + rest : start;
}

static void give(void *context, void *p, size_t given)
{
    char *start = start_of(p), *before;
    size_t pages = head(start)->pages, size = head(start)->size, rest = pages * PAGE - size;
    unsigned char *beside = (unsigned char *)(after ? start : start + size);
    pthread_mutex_lock(&busy);
    for (size_t k = 0; k < rest; k++)
        if (beside[k] != PATTERN) {
            spoilt++;
            break;
        }
    if (++count % EVERY) {
        keep(start);
    } else {
        mprotect(start, pages * PAGE, PROT_NONE);
        before = freed[count / EVERY % REMEMBERED];
        freed[count / EVERY % REMEMBERED] = start;
        if (before) {
            mprotect(before, head(before)->pages * PAGE, PROT_READ | PROT_WRITE);
            keep(before);
        }
    }
    pthread_mutex_unlock(&busy);
}

static void *take_zeros(void *context, size_t number, size_t each)
{
    void *p = take(context, number * each);
    return p ? memset(p, 0, number * each) : p;
}

static void *move(void *context, void *p, size_t size)
{
    void *moved = take(context, size);
    size_t had = head(start_of(p))->size;
    if (moved) {
        memcpy(moved, p, had < size ? had : size);
        give(context, p, had);
    }
    return moved;
}

typedef struct {
    char name[127];
    unsigned char version;
    void *context, *malloc, *calloc, *realloc, *free;
} Handler; /* PyDataMem_Handler of NumPy's ndarraytypes.h */

static Handler handler = {"guarded", 1, NULL, take, take_zeros, move, give};

void *guarded(int ends) { after = ends; return &handler; }

/* Let nobody write to an array's memory, or let all again. */
void protect(void *p, int yes)
{
    char *start = start_of(p);
    mprotect(start, head(start)->pages * PAGE, yes ? PROT_READ : PROT_READ | PROT_WRITE);
}

/* How many arrays had something written beside them, since the last time. */
long damage(void)
{
    long found = spoilt;
    spoilt = 0;
    return found;
}
