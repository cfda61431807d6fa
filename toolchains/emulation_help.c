// Loaded into processes under qemu-user (LD_PRELOAD) so that PoCL works there, on behalf of what qemu leaves out:
//   access() does not look into the sysroot (qemu -L), as open() and stat() do;
//   programs that are executed are the build machine's: of its linkers, PoCL means the board's.
// toolchains/test.sh compiles it, with -DLINKER="\"...-ld\"".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kMostVariables = 1024 };

int access(const char* path, int mode) {
    int (*real)(const char*, int) = (int (*)(const char*, int))dlsym(RTLD_NEXT, "access");
    if (real(path, mode) == 0) return 0;
    if (errno != ENOENT) return -1;
    struct stat found;
    return stat(path, &found);
}

// All but LD_PRELOAD: this file is nothing for a program of the build machine.
static void copy_environment(char* to[], char* const from[]) {
    size_t count = 0;
    for (size_t i = 0; from[i] != NULL && count + 1 < kMostVariables; ++i) {
        if (strncmp(from[i], "LD_PRELOAD=", strlen("LD_PRELOAD=")) != 0) to[count++] = from[i];
    }
    to[count] = NULL;
}

typedef int Spawn(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*, char* const*,
                  char* const*);

static int spawn(const char* by, pid_t* process, const char* path, const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
    char* kept[kMostVariables];
    copy_environment(kept, environment);
    return ((Spawn*)dlsym(RTLD_NEXT, by))(process, path, actions, attributes, arguments, kept);
}

int posix_spawn(pid_t* process, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
    const char* name = strrchr(path, '/');
    if (name != NULL && strcmp(name, "/ld") == 0)
        return spawn("posix_spawnp", process, LINKER, actions, attributes, arguments, environment);
    return spawn("posix_spawn", process, path, actions, attributes, arguments, environment);
}

int posix_spawnp(pid_t* process, const char* name, const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
    return spawn("posix_spawnp", process, name, actions, attributes, arguments, environment);
}
