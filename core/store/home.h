/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: who may use it, what is in it, and the ballast that keeps a piece of the disk free. */
#ifndef BELFRY_STORE_HOME_H
#define BELFRY_STORE_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define STORE_FILE "belfry.db"
#define STORE_SALVAGE_FILE "belfry.db.salvage"

struct store_home {
    char *path;  /* absolute, without symbolic links */
    int dir_fd;  /* to sync names */
    int lock_fd; /* held as long as it is open */
};

/* Make the folder if absent, refuse it if others can write there or another agent has it. */
int store_home_open(struct store_home *home, const char *dir, struct error *e);
void store_home_close(struct store_home *home);
/* The path of a file in it; the caller frees it. */
char *store_home_path(const struct store_home *home, const char *name);
bool store_home_has(const struct store_home *home, const char *name);
/* Make an empty file that only we can read, if it is absent. */
int store_home_create(const struct store_home *home, const char *name, struct error *e);
/* Make what was created and renamed there last through a power cut. */
int store_home_sync(const struct store_home *home, struct error *e);
/* Bytes that can still be written on its file system. */
int64_t store_home_room(const struct store_home *home);

/* A salvaged database is complete in STORE_SALVAGE_FILE: set the damaged one aside with its log and put the new one in
 * its place. Can be cut off anywhere: store_home_mend() ends it. *aside is the path of the damaged one (the caller
 * frees it). */
int store_home_replace(const struct store_home *home, char **aside, struct error *e);
int store_home_mend(const struct store_home *home, struct error *e);

/* ---- the ballast ---- */

struct store_ballast {
    const struct store_home *home;
    int64_t size; /* 0: none wanted */
};
void store_ballast_init(struct store_ballast *ballast, const struct store_home *home, int64_t wanted);
/* Make it if it is absent and there is room for twice as much. True: it is there. */
bool store_ballast_make(const struct store_ballast *ballast);
/* Give its room to the database. False: there was none. */
bool store_ballast_drop(const struct store_ballast *ballast);

#endif
