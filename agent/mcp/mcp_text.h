#ifndef CUA_AGENT_MCP_TEXT_H
#define CUA_AGENT_MCP_TEXT_H

/* Text of servers on its way to a model or a person: it may be hostile. What is not plain text, as
 * in cua/contract/text.h, stays behind. */

#include <stddef.h>

/* The owned text; NULL when memory runs out. */
char *mcp_text_clean(const char *text);
/* One line that fits, with an ellipsis if it was cut. */
void mcp_text_line(char *line, size_t size, const char *text);

#endif
