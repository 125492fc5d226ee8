#include "agent/journal_chain.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char lead[] = ",\"chain\":\"";
static const char tail[] = "\"}\n";

#define LEAD_LEN (sizeof(lead) - 1)
#define TAIL_LEN (sizeof(tail) - 1)
#define SEAL_LEN (LEAD_LEN + AGENT_CHAIN_HEX - 1 + TAIL_LEN)

static void add_to_chain(const struct agent_chain *last, const char *text, size_t len,
		struct agent_chain *ret_chain)
{
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, AGENT_CHAIN_BYTES);
	crypto_generichash_update(&state, last->hash, sizeof(last->hash));
	crypto_generichash_update(&state, (const unsigned char *)text, len);
	crypto_generichash_final(&state, ret_chain->hash, sizeof(ret_chain->hash));
}

void agent_chain_print(const struct agent_chain *chain, char *hex)
{
	sodium_bin2hex(hex, AGENT_CHAIN_HEX, chain->hash, sizeof(chain->hash));
}

enum cua_status agent_chain_seal(const struct agent_chain *last, const char *object,
		struct agent_chain *ret_chain, char **ret_line, size_t *ret_len,
		struct cua_error *err)
{
	const size_t len = strlen(object) - 1; /* without the brace that ends it */
	char hex[AGENT_CHAIN_HEX];
	char *line = malloc(len + SEAL_LEN + 1);
	if (!line) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "journal");
	}
	add_to_chain(last, object, len, ret_chain);
	agent_chain_print(ret_chain, hex);
	memcpy(line, object, len);
	snprintf(line + len, SEAL_LEN + 1, "%s%s%s", lead, hex, tail);
	*ret_line = line;
	*ret_len = len + SEAL_LEN;
	return CUA_OK;
}

bool agent_chain_follows(struct agent_chain *chain, const char *line, size_t len)
{
	struct agent_chain next;
	char hex[AGENT_CHAIN_HEX];
	if (len < SEAL_LEN) {
		return false;
	}
	const char *seal = line + len - SEAL_LEN;
	add_to_chain(chain, line, len - SEAL_LEN, &next);
	agent_chain_print(&next, hex);
	if (memcmp(seal, lead, LEAD_LEN) != 0 ||
			memcmp(seal + LEAD_LEN, hex, AGENT_CHAIN_HEX - 1) != 0 ||
			memcmp(line + len - TAIL_LEN, tail, TAIL_LEN) != 0) {
		return false;
	}
	*chain = next;
	return true;
}
