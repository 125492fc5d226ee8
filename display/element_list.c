#include "display/element_list.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/reader/reader.h"

#define ROLE_MAX 40
#define CONFIDENCE_MIN 20 /* below that it is an icon, not a word */

void element_place_finish(struct element_place *place)
{
	free(place->pane);
	free(place->pane_in);
	*place = (struct element_place){ 0 };
}

void element_list_finish(struct element_list *list)
{
	for (int i = 0; i < list->count; i++) {
		struct element *element = &list->items[i];
		free(element->bus);
		free(element->path);
		free(element->role);
		free(element->name);
		free(element->value);
		element_place_finish(&element->place);
	}
	free(list->items);
	*list = (struct element_list){ .items = NULL };
}

void word_list_finish(struct word_list *list)
{
	for (int i = 0; i < list->count; i++) {
		free(list->items[i].text);
	}
	free(list->items);
	*list = (struct word_list){ .items = NULL };
}

char *element_clean_text(const cJSON *json, size_t max)
{
	if (!cJSON_IsString(json)) {
		return NULL;
	}
	size_t len = strlen(json->valuestring);
	if (len > max) {
		/* Not through the middle of a character. */
		for (len = max; len > 0 && (json->valuestring[len] & 0xc0) == 0x80; len--) {
		}
	}
	char *text = strndup(json->valuestring, len);
	if (text && cua_utf8_check(text, len, NULL) != CUA_OK) {
		text[0] = '\0';
	}
	for (char *at = text; at && *at; at++) {
		const bool is_c1 = (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
		if ((unsigned char)*at < 0x20 || *at == 0x7f || is_c1) {
			at[0] = ' ';
			at[is_c1] = ' ';
		}
	}
	return text;
}

bool element_read_box(
		const cJSON *json, const struct cua_region *bounds, struct cua_region *ret_box)
{
	static const char *const names[] = { "x", "y", "width", "height" };
	double value[4];
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, names[i]);
		if (!cJSON_IsNumber(number) || !(fabs(number->valuedouble) < 1e9)) {
			return false;
		}
		value[i] = floor(number->valuedouble);
	}
	const double left = fmax(value[0], bounds->x), top = fmax(value[1], bounds->y);
	const double right = fmin(value[0] + value[2], bounds->x + bounds->width);
	const double bottom = fmin(value[1] + value[3], bounds->y + bounds->height);
	if (right <= left || bottom <= top) {
		return false;
	}
	*ret_box = (struct cua_region){ (int)left, (int)top, (int)(right - left),
		(int)(bottom - top) };
	return true;
}

static bool read_number(const cJSON *json, const char *name, double max, double *ret_number)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, name);
	if (!cJSON_IsNumber(number) || !(number->valuedouble >= 0 && number->valuedouble <= max)) {
		return false;
	}
	*ret_number = floor(number->valuedouble);
	return true;
}

/* ":1.23" and "/org/...", as D-Bus has them: they go back to the bus later. */
static bool is_reference(const char *bus, const char *path)
{
	if (!bus || !path || bus[0] != ':' || strlen(bus) > 63 || path[0] != '/' ||
			strlen(path) > 255) {
		return false;
	}
	for (const char *at = bus + 1; *at; at++) {
		if (!isalnum((unsigned char)*at) && *at != '.' && *at != '_' && *at != '-') {
			return false;
		}
	}
	for (const char *at = path; *at; at++) {
		if (!isalnum((unsigned char)*at) && *at != '/' && *at != '_') {
			return false;
		}
	}
	return true;
}

static bool parse_states(const cJSON *json, uint64_t *ret_states)
{
	const cJSON *states = cJSON_GetObjectItemCaseSensitive(json, "states");
	uint64_t word[2] = { 0, 0 };
	if (!cJSON_IsArray(states) || cJSON_GetArraySize(states) != 2) {
		return false;
	}
	for (int i = 0; i < 2; i++) {
		const cJSON *number = cJSON_GetArrayItem(states, i);
		if (!cJSON_IsNumber(number) ||
				!(number->valuedouble >= 0 && number->valuedouble <= UINT32_MAX)) {
			return false;
		}
		word[i] = (uint64_t)number->valuedouble;
	}
	*ret_states = word[1] << 32 | word[0];
	return true;
}

static int read_shift(const cJSON *json, const char *name)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, name);
	return cJSON_IsNumber(number) && fabs(number->valuedouble) < 32768 ? number->valueint : 0;
}

/* Without a pane if memory runs out. */
static void parse_place(const cJSON *json, const char *bus, struct element_place *place)
{
	const char *pane = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "pane"));
	const char *pane_in =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "pane_in"));
	place->shift_x = read_shift(json, "shift_x");
	place->shift_y = read_shift(json, "shift_y");
	place->scale_percent = read_shift(json, "scale_percent");
	if (is_reference(bus, pane) && is_reference(bus, pane_in)) {
		place->pane = strdup(pane);
		place->pane_in = strdup(pane_in);
	}
}

void element_place_add(const struct element_place *place, cJSON *json)
{
	cJSON_AddNumberToObject(json, "shift_x", place->shift_x);
	cJSON_AddNumberToObject(json, "shift_y", place->shift_y);
	cJSON_AddNumberToObject(json, "scale_percent", place->scale_percent);
	if (place->pane && place->pane_in) {
		cJSON_AddStringToObject(json, "pane", place->pane);
		cJSON_AddStringToObject(json, "pane_in", place->pane_in);
	}
}

static bool parse_element(
		const cJSON *json, const struct cua_region *screen, struct element *element)
{
	const cJSON *bus = cJSON_GetObjectItemCaseSensitive(json, "bus");
	const cJSON *path = cJSON_GetObjectItemCaseSensitive(json, "path");
	double depth = 0, window = 0;
	if (!is_reference(cJSON_GetStringValue(bus), cJSON_GetStringValue(path)) ||
			!read_number(json, "depth", READER_DEPTH_MAX + 1, &depth) ||
			!read_number(json, "window", UINT32_MAX, &window) ||
			!parse_states(json, &element->states)) {
		return false;
	}
	element->depth = (int)depth;
	element->place.window = (uint32_t)window;
	element->children = -1;
	(void)read_number(json, "children", INT32_MAX, &element->children);
	(void)element_read_box(json, screen, &element->box);
	parse_place(json, bus->valuestring, &element->place);
	element->bus = strdup(bus->valuestring);
	element->path = strdup(path->valuestring);
	element->role = element_clean_text(
			cJSON_GetObjectItemCaseSensitive(json, "role"), ROLE_MAX);
	element->name = element_clean_text(
			cJSON_GetObjectItemCaseSensitive(json, "name"), READER_TEXT_MAX);
	element->value = element_clean_text(
			cJSON_GetObjectItemCaseSensitive(json, "value"), READER_TEXT_MAX);
	return element->bus && element->path && element->role && element->name;
}

static enum cua_status no_sense(struct cua_error *err, const char *what)
{
	return CUA_FAIL(err, CUA_ERR_APP, 0, "the reader's answer makes no sense: %s", what);
}

enum cua_status element_list_parse(const cJSON *answer, const struct cua_point *screen,
		struct element_list *ret_list, struct cua_error *err)
{
	const struct cua_region bounds = { 0, 0, screen->x, screen->y };
	const cJSON *nodes = cJSON_GetObjectItemCaseSensitive(answer, "nodes");
	const cJSON *node = NULL, *pid = NULL;
	const int count = cJSON_IsArray(nodes) ? cJSON_GetArraySize(nodes) : -1;
	if (count < 0 || count > READER_NODES_MAX) {
		return no_sense(err, count < 0 ? "no nodes" : "too many nodes");
	}
	struct element_list list = { .items = calloc((size_t)count + 1, sizeof(*list.items)) };
	if (!list.items) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "elements");
	}
	cJSON_ArrayForEach (node, nodes) {
		struct element *element = &list.items[list.count++];
		const int before = list.count > 1 ? element[-1].depth : -1;
		if (!parse_element(node, &bounds, element) || element->depth > before + 1) {
			element_list_finish(&list);
			return no_sense(err, "a node is damaged");
		}
	}
	list.cut = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "cut"));
	cJSON_ArrayForEach (pid, cJSON_GetObjectItemCaseSensitive(answer, "stuck")) {
		if (cJSON_IsNumber(pid) && pid->valuedouble >= 0 && pid->valuedouble < INT32_MAX &&
				list.stuck_count < (int)CUA_ARRAY_LEN(list.stuck)) {
			list.stuck[list.stuck_count++] = (unsigned int)pid->valuedouble;
		}
	}
	*ret_list = list;
	return CUA_OK;
}

enum cua_status word_list_parse(const cJSON *answer, const struct cua_region *region,
		struct word_list *ret_list, struct cua_error *err)
{
	const struct cua_region bounds = { 0, 0, region->width, region->height };
	const cJSON *words = cJSON_GetObjectItemCaseSensitive(answer, "words");
	const cJSON *json = NULL;
	const int count = cJSON_IsArray(words) ? cJSON_GetArraySize(words) : -1;
	if (count < 0 || count > READER_WORDS_MAX) {
		return no_sense(err, count < 0 ? "no words" : "too many words");
	}
	struct word_list list = { .items = calloc((size_t)count + 1, sizeof(*list.items)) };
	if (!list.items) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "words");
	}
	cJSON_ArrayForEach (json, words) {
		struct screen_word word = { .text = NULL };
		double confidence = 0, line = 0;
		if (!read_number(json, "confidence", 100, &confidence) ||
				!read_number(json, "line", READER_WORDS_MAX, &line)) {
			word_list_finish(&list);
			return no_sense(err, "a word is damaged");
		}
		if (confidence < CONFIDENCE_MIN || !element_read_box(json, &bounds, &word.box)) {
			continue;
		}
		word.text = element_clean_text(cJSON_GetObjectItemCaseSensitive(json, "text"), 200);
		if (!word.text || !word.text[strspn(word.text, " ")]) {
			free(word.text);
			continue;
		}
		word.box.x += region->x;
		word.box.y += region->y;
		word.confidence = (int)confidence;
		word.line = (int)line;
		list.items[list.count++] = word;
	}
	*ret_list = list;
	return CUA_OK;
}

bool element_is_actionable(const struct element *element)
{
	static const char *const roles[] = { "push button", "button", "toggle button", "check box",
		"radio button", "combo box", "entry", "password text", "spin button", "slider",
		"link", "menu", "menu item", "check menu item", "radio menu item",
		"tearoff menu item", "page tab", "list item", "tree item", "table cell",
		"column header", "table column header", "row header", "icon", "date editor",
		"editbar", "push button menu", "switch", "autocomplete" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(roles); i++) {
		if (strcmp(element->role, roles[i]) == 0) {
			return true;
		}
	}
	return element_has(element, ELEMENT_EDITABLE);
}

void element_state_names(const struct element *element, cJSON *names)
{
	static const struct {
		enum element_state state;
		const char *name;
	} named[] = { { ELEMENT_FOCUSED, "focused" }, { ELEMENT_CHECKED, "checked" },
		{ ELEMENT_PRESSED, "pressed" }, { ELEMENT_SELECTED, "selected" },
		{ ELEMENT_EXPANDED, "expanded" }, { ELEMENT_COLLAPSED, "collapsed" },
		{ ELEMENT_BUSY, "busy" }, { ELEMENT_MODAL, "modal" },
		{ ELEMENT_EDITABLE, "editable" }, { ELEMENT_INDETERMINATE, "indeterminate" },
		{ ELEMENT_REQUIRED, "required" }, { ELEMENT_INVALID_ENTRY, "invalid" },
		{ ELEMENT_READ_ONLY, "read-only" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(named); i++) {
		if (element_has(element, named[i].state)) {
			cJSON_AddItemToArray(names, cJSON_CreateString(named[i].name));
		}
	}
	if (element_is_actionable(element) && !element_has(element, ELEMENT_SENSITIVE) &&
			!element_has(element, ELEMENT_ENABLED)) {
		cJSON_AddItemToArray(names, cJSON_CreateString("disabled"));
	}
}
