/* A disk that fails: while the file named by PRIVET_FAILING exists, fsync and fdatasync fail, or every write is ENOSPC.
 * The file's first letter says which: f (fsync: EIO) or w (write: ENOSPC). Loaded by LD_PRELOAD in tests only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char mode(void)
{
    const char *path = getenv("PRIVET_FAILING");
    char found = 0;
    int saved = errno, fd;
    if (path == NULL)
        return 0;
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        if (syscall(SYS_read, fd, &found, 1) != 1)
            found = 0;
        syscall(SYS_close, fd);
    }
    errno = saved;
    return found;
}

static int full(int fd)
{
    struct stat found;
    if (mode() != 'w' || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return 0;
    errno = ENOSPC;
    return 1;
}

static int broken(void)
{
    if (mode() != 'f')
        return 0;
    errno = EIO;
    return 1;
}

int fsync(int fd) { return broken() ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return broken() ? -1 : (int)syscall(SYS_fdatasync, fd); }
ssize_t write(int fd, const void *data, size_t size) { return full(fd) ? -1 : syscall(SYS_write, fd, data, size); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return full(fd) ? -1 : syscall(SYS_pwrite64, fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return full(fd) ? -1 : syscall(SYS_pwrite64, fd, data, size, at);
}
int fallocate(int fd, int how, off_t at, off_t size) { return full(fd) ? -1 : (int)syscall(SYS_fallocate, fd, how, at, size); }
