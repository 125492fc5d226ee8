#ifndef CUA_AGENT_JOURNAL_CHAIN_H
#define CUA_AGENT_JOURNAL_CHAIN_H

/* What makes a change of events.jsonl show: each line ends with ,"chain":"HEX"}, the BLAKE2b-256
 * of the line's before and of all that stands in front of it in its own line. The first line
 * follows 32 zero bytes. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/error.h"

#define AGENT_CHAIN_BYTES 32
#define AGENT_CHAIN_HEX (2 * AGENT_CHAIN_BYTES + 1)

struct agent_chain {
	unsigned char hash[AGENT_CHAIN_BYTES];
};

/**
 * agent_chain_seal() - a JSON object becomes a line of the chain.
 * @last:     of the line before.
 * @ret_line: owned by the caller; ends with a line break and a NUL.
 * @ret_len:  the line break counts, the NUL does not.
 *
 * Return: CUA_OK; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_chain_seal(const struct agent_chain *last, const char *object,
		struct agent_chain *ret_chain, char **ret_line, size_t *ret_len,
		struct cua_error *err);

/* True if the line, with its line break, follows chain, which then moves on to it. */
bool agent_chain_follows(struct agent_chain *chain, const char *line, size_t len);

/* hex: AGENT_CHAIN_HEX bytes. */
void agent_chain_print(const struct agent_chain *chain, char *hex);

#endif
