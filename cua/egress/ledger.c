/* Bytes and connections of each entry of the list, and the names of the last hour. */

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/egress/proxy_internal.h"

#define HOUR_US 3600000000ULL

bool ledger_init(struct ledger *ledger, const struct egress_limits *limits)
{
	SLIST_INIT(&ledger->accounts);
	ledger->name_count = 0;
	ledger->names = calloc((size_t)limits->names_per_hour, sizeof(*ledger->names));
	return ledger->names != NULL;
}

void ledger_finish(struct ledger *ledger)
{
	while (!SLIST_EMPTY(&ledger->accounts)) {
		struct account *account = SLIST_FIRST(&ledger->accounts);
		SLIST_REMOVE_HEAD(&ledger->accounts, link);
		free(account);
	}
	free(CUA_STEAL(ledger->names));
}

struct account *ledger_account(struct ledger *ledger, const char *rule)
{
	struct account *account = NULL;
	SLIST_FOREACH(account, &ledger->accounts, link)
	{
		if (strcmp(account->rule, rule) == 0) {
			return account;
		}
	}
	account = calloc(1, sizeof(*account));
	if (account) {
		memcpy(account->rule, rule, strlen(rule) + 1);
		SLIST_INSERT_HEAD(&ledger->accounts, account, link);
	}
	return account;
}

/* A name counts again once an hour has gone since it was first seen. */
static void forget_old(struct ledger *ledger, uint64_t now_us)
{
	int kept = 0;
	for (int i = 0; i < ledger->name_count; i++) {
		if (now_us - ledger->names[i].seen_us < HOUR_US) {
			ledger->names[kept++] = ledger->names[i];
		}
	}
	ledger->name_count = kept;
}

bool ledger_note_name(struct ledger *ledger, const struct egress_limits *limits, const char *name,
		uint64_t now_us)
{
	forget_old(ledger, now_us);
	for (int i = 0; i < ledger->name_count; i++) {
		if (strcmp(ledger->names[i].name, name) == 0) {
			return true;
		}
	}
	if (ledger->name_count == limits->names_per_hour) {
		return false;
	}
	struct known_name *known = &ledger->names[ledger->name_count++];
	memcpy(known->name, name, strlen(name) + 1);
	known->seen_us = now_us;
	return true;
}
