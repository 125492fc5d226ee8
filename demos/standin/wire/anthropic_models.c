#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"

#define TOOLSET_ONLY \
	(ANTHROPIC_TAKES_TOOLSET | ANTHROPIC_LARGE_IMAGES | ANTHROPIC_ADAPTIVE | \
			ANTHROPIC_BETWEEN_TOOLS | ANTHROPIC_NO_PREFILL)
#define BOTH \
	(ANTHROPIC_TAKES_TOOLSET | ANTHROPIC_TAKES_20251124 | ANTHROPIC_LARGE_IMAGES | \
			ANTHROPIC_ADAPTIVE | ANTHROPIC_NO_PREFILL)
#define OUTPUT_OF_5 128000
#define STRICT (ANTHROPIC_BOUND | ANTHROPIC_ALWAYS_THINKS | ANTHROPIC_NO_FORCING)

static const struct anthropic_model models[] = {
	{ "standin", TOOLSET_ONLY | STRICT | ANTHROPIC_NO_SAMPLING, OUTPUT_OF_5 },
	{ "claude-fable-5-2", TOOLSET_ONLY | STRICT, OUTPUT_OF_5 },
	{ "claude-mythos-5-2", TOOLSET_ONLY | STRICT, OUTPUT_OF_5 },
	{ "claude-opus-5-5", TOOLSET_ONLY | STRICT, OUTPUT_OF_5 },
	{ "claude-sonnet-5-5",
			TOOLSET_ONLY | STRICT | ANTHROPIC_NO_SAMPLING | ANTHROPIC_WORDS_THOUGHT,
			OUTPUT_OF_5 },
	{ "claude-haiku-5-5", TOOLSET_ONLY | ANTHROPIC_NO_SAMPLING, OUTPUT_OF_5 },
	{ "claude-fable-5-1", BOTH | STRICT, OUTPUT_OF_5 },
	{ "claude-mythos-5-1", BOTH | STRICT, OUTPUT_OF_5 },
	{ "claude-fable-5", BOTH | ANTHROPIC_ALWAYS_THINKS, OUTPUT_OF_5 },
	{ "claude-mythos-5", BOTH | ANTHROPIC_ALWAYS_THINKS, OUTPUT_OF_5 },
	{ "claude-opus-5", BOTH, OUTPUT_OF_5 },
	{ "claude-sonnet-5", BOTH, OUTPUT_OF_5 },
	{ "claude-opus-4-8", BOTH, 0 },
	{ "claude-opus-4-7",
			ANTHROPIC_TAKES_20251124 | ANTHROPIC_LARGE_IMAGES | ANTHROPIC_ADAPTIVE |
					ANTHROPIC_NO_PREFILL,
			0 },
	{ "claude-opus-4-6", ANTHROPIC_TAKES_20251124 | ANTHROPIC_NO_PREFILL, 0 },
	{ "claude-sonnet-4-6", ANTHROPIC_TAKES_20251124 | ANTHROPIC_NO_PREFILL, 0 },
	{ "claude-opus-4-5", ANTHROPIC_TAKES_20251124, 0 },
	{ "claude-sonnet-4-5", ANTHROPIC_TAKES_20250124, 0 },
	{ "claude-haiku-4-5", ANTHROPIC_TAKES_20250124, 0 },
	{ "claude-opus-4-1", ANTHROPIC_TAKES_20250124, 0 },
	{ "claude-opus-4-20", ANTHROPIC_TAKES_20250124, 0 },
	{ "claude-sonnet-4-20", ANTHROPIC_TAKES_20250124, 0 },
	{ "claude-3-7-sonnet", ANTHROPIC_TAKES_20250124, 0 },
	{ "claude-3-5-sonnet", ANTHROPIC_TAKES_20241022, 0 },
};

const struct anthropic_model *anthropic_find_model(const char *id)
{
	const struct anthropic_model *best = NULL;
	for (size_t i = 0; i < CUA_ARRAY_LEN(models); i++) {
		size_t len = strlen(models[i].prefix);
		if (strncmp(id, models[i].prefix, len) == 0 &&
				(!best || len > strlen(best->prefix))) {
			best = &models[i];
		}
	}
	return best;
}

bool anthropic_has(const struct wire_request *request, enum anthropic_trait trait)
{
	const struct anthropic_model *model = request->profile;
	return (model->traits & trait) != 0;
}
