#include "agent/tools/tool.h"

extern const struct tool tool_bash, tool_python, tool_editor, tool_read_file, tool_write_file,
		tool_search, tool_git, tool_environment, tool_ask_person, tool_done;

const struct tool *const tool_table[] = { &tool_bash, &tool_python, &tool_editor, &tool_read_file,
	&tool_write_file, &tool_search, &tool_git, &tool_environment, &tool_ask_person, &tool_done,
	NULL };
