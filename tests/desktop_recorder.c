#include "tests/desktop_recorder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/waiting.h"

#define EVENTS_FILE "events.jsonl"

static bool word_is_in(const char *word, const char *words)
{
	const size_t len = strlen(word);
	for (const char *at = words; len > 0 && (at = strstr(at, word)); at += len) {
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0')) {
			return true;
		}
	}
	return false;
}

cJSON *recorder_events(struct desktop *desktop, const char *types)
{
	CUA_AUTO_FREE char *text = home_file(desktop, EVENTS_FILE);
	cJSON *events = cJSON_CreateArray();
	char *rest = NULL;
	for (char *line = strtok_r(text + desktop->events_at, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		cJSON *event = cJSON_Parse(line);
		const char *type = json_text(event, "event");
		if (event && (types ? word_is_in(type, types) : strcmp(type, "ping") != 0)) {
			cJSON_AddItemToArray(events, event);
		} else {
			cJSON_Delete(event);
		}
	}
	return events;
}

void recorder_mark(struct desktop *desktop)
{
	CUA_AUTO_FREE char *text = home_file(desktop, EVENTS_FILE);
	desktop->events_at = (long)strlen(text);
}

static bool recorder_is_ready(void *data)
{
	struct desktop *desktop = data;
	char path[512];
	snprintf(path, sizeof(path), "%s/" EVENTS_FILE, desktop->home);
	if (access(path, R_OK) != 0) {
		return false;
	}
	CUA_AUTO_JSON cJSON *sizes = recorder_events(desktop, "size");
	CUA_AUTO_JSON cJSON *focus = recorder_events(desktop, "focus_in");
	const cJSON *last = cJSON_GetArrayItem(sizes, cJSON_GetArraySize(sizes) - 1);
	return cJSON_GetArraySize(focus) > 0 && json_number(last, "width") == 1280 &&
			json_number(last, "height") == 800;
}

void recorder_start(struct desktop *desktop)
{
	char command[1024];
	snprintf(command, sizeof(command), "%s %s/" EVENTS_FILE,
			desktop_install(desktop, CUA_TEST_RECORDER), desktop->inside_home);
	desktop->events_at = 0;
	cJSON_Delete(desktop_text_action(desktop, "open_app", "name", command));
	wait_until(recorder_is_ready, desktop, "the recorder fills the screen");
	recorder_mark(desktop);
}
