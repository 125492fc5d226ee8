#include "cua/bench/bench_topics.h"

#include "cua/base/util.h"

const struct bench_topic bench_topics[] = {
	{ "seeing", "screenshots: time and size, beside other programs", bench_seeing },
	{ "acting", "clicks and keys, in process, over the socket and as a command", bench_acting },
	{ "typing", "characters a second, and wrong ones, beside xdotool", bench_typing },
	{ "cost", "starting a desktop, its memory, and what it does while idle", bench_cost },
	{ "loop", "cua run: what it adds to a step, its memory, first streamed words", bench_loop },
	{ "tools", "what a call of a tool or of an MCP server costs beside the tool", bench_tools },
	{ "serve", "cua serve: how soon runs begin, alone and 25 at once, and are read of",
			bench_serve },
	{ "vnc", "a desktop live at a viewer, beside x11vnc and Xtigervnc", bench_vnc },
	{ "settle", "settling: right pictures, and how soon, beside fixed sleeps", bench_settle },
};

const int bench_topic_count = (int)CUA_ARRAY_LEN(bench_topics);
