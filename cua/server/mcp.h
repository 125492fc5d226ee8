#ifndef CUA_SERVER_MCP_H
#define CUA_SERVER_MCP_H

#include "cua/mcp/serve.h"

/* What /mcp offers to a token that may act, and to one that may watch. */
struct mcp_offers {
	struct mcp_serve *acts, *watches;
};

/* To be released also after a failure. */
CUA_NODISCARD enum cua_status mcp_offers_create(
		struct mcp_offers *ret_offers, struct cua_error *err);
void mcp_offers_destroy(struct mcp_offers *offers);

#endif
