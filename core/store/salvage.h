/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records out of a damaged database. The file and its log are read page by page without SQLite, so that damage
 * anywhere (the header, the schema, the inner pages of a table) costs the records on the damaged pages and no others.
 * A record counts as found if its sum is right; the damaged file is not changed.
 */
#ifndef BELFRY_STORE_SALVAGE_H
#define BELFRY_STORE_SALVAGE_H

#include "base/base.h"
#include "store/home.h"

/* Build a new database from what can be read, set the damaged one aside, put the new one in its place. *story: what
 * happened, in one line for people, beginning with `why`; the caller frees it. */
int store_salvage(const struct store_home *home, const char *why, char **story, struct error *e);

#endif
