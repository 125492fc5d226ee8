#ifndef CUA_AGENT_JOURNAL_HEAD_H
#define CUA_AGENT_JOURNAL_HEAD_H

/* head.json: how far the chain of a run went, signed with Ed25519. The key is made once for a
 * state directory (journal.key, 0600). A chain alone would let whoever can write the folder
 * compute it anew; and it would not show that its end was cut off. Who has the key can forge the
 * future, and the past up to a head that was copied elsewhere. */

#include <stdint.h>

#include "agent/journal_chain.h"
#include "cua/base/error.h"

#define AGENT_KEY_BYTES 32
#define AGENT_KEY_HEX (2 * AGENT_KEY_BYTES + 1)
#define AGENT_SIGNATURE_BYTES 64

struct agent_head {
	char run[64]; /* name of the folder */
	uint64_t seq; /* of the last event it covers */
	struct agent_chain chain;
	unsigned char key[AGENT_KEY_BYTES]; /* who signed it: public */
	unsigned char signature[AGENT_SIGNATURE_BYTES];
};

/* The public key of this state directory; made, with its secret half, if there is none.
 * CUA_ERR_POLICY if others may read the secret half. */
CUA_NODISCARD enum cua_status agent_head_key(
		unsigned char key[AGENT_KEY_BYTES], struct cua_error *err);

/* Fills key and signature and writes head.json: the old one or the new one, never a part. */
CUA_NODISCARD enum cua_status agent_head_write(
		int run_dir_fd, struct agent_head *head, struct cua_error *err);

/* dir_fd: what path is relative to. CUA_ERR_NOT_FOUND; CUA_ERR_POLICY if it does not bear the
 * signature of the key it names: whose key that is remains to be asked. */
CUA_NODISCARD enum cua_status agent_head_read(
		int dir_fd, const char *path, struct agent_head *ret_head, struct cua_error *err);

#endif
