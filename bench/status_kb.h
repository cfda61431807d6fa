/* What the kernel says of this process in /proc/self/status; for the programs of bench/footprint.sh. */
#ifndef SHOAL_BENCH_STATUS_KB_H
#define SHOAL_BENCH_STATUS_KB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* VmRSS, RssAnon: kB; -1 where there is no such line. */
static long status_kb(const char* name) {
    char line[200];
    long out = -1;
    FILE* file = fopen("/proc/self/status", "r");
    if (file == NULL) return -1;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) out = strtol(line + strlen(name) + 1, NULL, 10);
    }
    fclose(file);
    return out;
}

#endif
