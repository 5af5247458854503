/* Makes system calls on files fail, or end the process, for the program that this is loaded into (LD_PRELOAD).
 *
 * The file named by FAULTS holds lines `CALL PART WHAT COUNT`, read again at every call:
 *   CALL   pwrite, sync, truncate, open, rename, unlink, or any
 *   PART   a text in the path of the file, such as events.db; or any
 *   WHAT   eio, enospc, erofs, slow (COUNT is milliseconds), kill-before, kill-half (after half of what is written),
 *          kill-after
 *   COUNT  so many calls that fit are let through first
 * Counts are those of the process. The file named by CLOCK sets the clock wrong. Nothing is done to the file FAULTS itself.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum what { PASS, FAIL, KILL_BEFORE, KILL_HALF, KILL_AFTER };

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

static long passed[16];

static void end(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static enum what decide(const char *call, const char *path) {
    static int (*open_)(const char *, int, ...);
    const char *control = getenv("FAULTS");
    if (!control || !path || strstr(path, control)) return PASS;
    if (!open_) open_ = REAL(open);
    int saved = errno;
    int file = open_(control, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        errno = saved;
        return PASS;
    }
    char text[1024];
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    errno = saved;
    if (size <= 0) return PASS;
    text[size] = 0;
    char *rest = text;
    for (int number = 0; rest && number < 16; number++) {
        char *line = strsep(&rest, "\n"), which[32], part[128], what[32];
        long count = 0;
        if (sscanf(line, "%31s %127s %31s %ld", which, part, what, &count) < 3) continue;
        if (strcmp(which, "any") && strcmp(which, call)) continue;
        if (strcmp(part, "any") && !strstr(path, part)) continue;
        if (!strcmp(what, "slow")) {
            struct timespec wait = {count / 1000, count % 1000 * 1000000};
            nanosleep(&wait, NULL);
            errno = saved;
            continue;
        }
        if (__sync_fetch_and_add(&passed[number], 1) < count) continue;
        if (!strcmp(what, "kill-before")) return KILL_BEFORE;
        if (!strcmp(what, "kill-half")) return KILL_HALF;
        if (!strcmp(what, "kill-after")) return KILL_AFTER;
        errno = !strcmp(what, "enospc") ? ENOSPC : !strcmp(what, "erofs") ? EROFS : EIO;
        return FAIL;
    }
    return PASS;
}

static enum what decide_on(const char *call, int file) {
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    int saved = errno;
    ssize_t size = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (size <= 0) return PASS;
    path[size] = 0;
    return decide(call, path);
}

#define WRITE(name)                                                                     \
    ssize_t name(int file, const void *bytes, size_t size, off64_t at) {                \
        static __typeof__(name) *real;                                                  \
        if (!real) real = REAL(name);                                                   \
        switch (decide_on("pwrite", file)) {                                            \
        case FAIL: return -1;                                                           \
        case KILL_BEFORE: end();                                                        \
        case KILL_HALF: real(file, bytes, size / 2, at); end();                         \
        case KILL_AFTER: real(file, bytes, size, at); end();                            \
        case PASS: break;                                                               \
        }                                                                               \
        return real(file, bytes, size, at);                                             \
    }

#define SYNC(name)                                                                      \
    int name(int file) {                                                                \
        static __typeof__(name) *real;                                                  \
        if (!real) real = REAL(name);                                                   \
        switch (decide_on("sync", file)) {                                              \
        case FAIL: return -1;                                                           \
        case KILL_BEFORE: case KILL_HALF: end();                                        \
        case KILL_AFTER: real(file); end();                                             \
        case PASS: break;                                                               \
        }                                                                               \
        return real(file);                                                              \
    }

#define TRUNCATE(name)                                                                  \
    int name(int file, off64_t size) {                                                  \
        static __typeof__(name) *real;                                                  \
        if (!real) real = REAL(name);                                                   \
        switch (decide_on("truncate", file)) {                                          \
        case FAIL: return -1;                                                           \
        case KILL_BEFORE: case KILL_HALF: end();                                        \
        case KILL_AFTER: real(file, size); end();                                       \
        case PASS: break;                                                               \
        }                                                                               \
        return real(file, size);                                                        \
    }

#define OPEN(name)                                                                      \
    int name(const char *path, int flags, ...) {                                        \
        static __typeof__(name) *real;                                                  \
        if (!real) real = REAL(name);                                                   \
        va_list rest;                                                                   \
        va_start(rest, flags);                                                          \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;         \
        va_end(rest);                                                                   \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT)) {                                    \
            switch (decide("open", path)) {                                             \
            case FAIL: return -1;                                                       \
            case KILL_BEFORE: case KILL_HALF: end();                                    \
            case KILL_AFTER: real(path, flags, mode); end();                            \
            case PASS: break;                                                           \
            }                                                                           \
        }                                                                               \
        return real(path, flags, mode);                                                 \
    }

int rename(const char *from, const char *to) {
    static __typeof__(rename) *real;
    if (!real) real = REAL(rename);
    switch (decide("rename", from)) {
    case FAIL: return -1;
    case KILL_BEFORE: case KILL_HALF: end();
    case KILL_AFTER: real(from, to); end();
    case PASS: break;
    }
    return real(from, to);
}

int unlink(const char *path) {
    static __typeof__(unlink) *real;
    if (!real) real = REAL(unlink);
    switch (decide("unlink", path)) {
    case FAIL: return -1;
    case KILL_BEFORE: case KILL_HALF: end();
    case KILL_AFTER: real(path); end();
    case PASS: break;
    }
    return real(path);
}

/* The file named by CLOCK holds seconds that are added to the time of day. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    static __typeof__(clock_gettime) *real;
    static int (*open_)(const char *, int, ...);
    if (!real) real = REAL(clock_gettime);
    int done = real(clock, time);
    const char *control = getenv("CLOCK");
    if (done || clock != CLOCK_REALTIME || !control) return done;
    if (!open_) open_ = REAL(open);
    int saved = errno, file = open_(control, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        char text[32];
        ssize_t size = read(file, text, sizeof text - 1);
        close(file);
        if (size > 0) {
            text[size] = 0;
            time->tv_sec += atol(text);
        }
    }
    errno = saved;
    return done;
}

WRITE(pwrite64)
SYNC(fsync)
SYNC(fdatasync)
TRUNCATE(ftruncate64)
OPEN(open)
OPEN(open64)

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
    return pwrite64(file, bytes, size, at);
}

int ftruncate(int file, off_t size) {
    return ftruncate64(file, size);
}
