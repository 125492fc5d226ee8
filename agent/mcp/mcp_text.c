#include "agent/mcp/mcp_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "cua/base/util.h"
#include "cua/contract/text.h"

char *mcp_text_clean(const char *text)
{
	char *clean = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&clean, &len);
	if (!out) {
		return NULL;
	}
	cua_text_block(out, text);
	if (fclose(out) != 0) {
		free(clean);
		return NULL;
	}
	return clean;
}

void mcp_text_line(char *line, size_t size, const char *text)
{
	CUA_AUTO_FREE char *clean = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&clean, &len);
	line[0] = '\0';
	if (!out) {
		return;
	}
	cua_text_line(out, text, size / 4 - 1); /* no character has more than four bytes */
	if (fclose(out) == 0) {
		snprintf(line, size, "%s", clean);
	}
}
