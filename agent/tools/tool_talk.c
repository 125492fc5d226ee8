#include "agent/tools/tool.h"

/* What the loop does itself. */

const struct tool tool_ask_person = {
	.name = "ask_person",
	.help = "Ask the person you work for a question that only they can answer, and wait for "
		"what "
		"they say. Nobody may be there.",
	.place = TOOL_IN_LOOP,
	.args = { { "question", TOOL_ARG_STRING, .required = true, .min = 1, .max = 4000,
			.help = "one question, with what they need to know to answer it" } },
};

const struct tool tool_done = {
	.name = "done",
	.help = "End the run: the task is done.",
	.place = TOOL_IN_LOOP,
	.args = { { "answer", TOOL_ARG_STRING, .required = true, .min = 1, .max = 100000,
			.help = "what was done, and what was asked for" } },
};
