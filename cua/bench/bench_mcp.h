#ifndef CUA_BENCH_MCP_H
#define CUA_BENCH_MCP_H

/* A server of the Model Context Protocol over stdio that answers at once: what is left of a call is
 * the client's. */

#define BENCH_MCP_OPTION "--mcp-server"

/* Until its standard input ends. */
int bench_mcp_main(void);

#endif
