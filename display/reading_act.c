/* read_screen, find_text, read_text, mark_screen. */

#include "display/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"
#include "display/reader/reader.h"

#define TEXT_ANSWER_MAX (256U << 10)
#define LINE_TEXT_MAX 300 /* bytes of a name or value in a line */
#define READ_TEXT_TIMEOUT_MS 20000

/* --- elements as text --- */

/* What was printed of the way down to an element. */
struct outline {
	int indent[READER_DEPTH_MAX + 3]; /* by depth */
	const char *name[READER_DEPTH_MAX + 3];
};

static bool is_seen(const struct element *element)
{
	return element->box.width > 0 && !element->covered;
}

/* A sheet shows hundreds of them. */
static bool is_empty_cell(const struct element *element)
{
	return strcmp(element->role, "table cell") == 0 && element->value && !element->value[0] &&
			!element_has(element, ELEMENT_FOCUSED) &&
			!element_has(element, ELEMENT_SELECTED);
}

/* Panels and fillers say nothing; what is in them moves up a level. */
static bool says_something(const struct element *element, const struct outline *outline, bool all)
{
	if (element->depth == 0) {
		return true;
	}
	if (!all && !is_seen(element)) {
		return false;
	}
	if (!all && is_empty_cell(element)) {
		return false;
	}
	if (element_is_actionable(element) || element->children >= 0 || element->value) {
		return true;
	}
	const char *above = outline->name[element->depth];
	return element->name[0] && !(above && strcmp(above, element->name) == 0);
}

static enum cua_status print_quoted(struct cua_buffer *text, const char *before, const char *quoted,
		struct cua_error *err)
{
	int len = (int)strlen(quoted);
	const bool cut = len > LINE_TEXT_MAX;
	for (len = cut ? LINE_TEXT_MAX : len; cut && (quoted[len] & 0xc0) == 0x80; len--) {
	}
	return cua_buffer_printf(text, err, "%s\"%.*s%s\"", before, len, quoted, cut ? "..." : "");
}

static enum cua_status print_states(
		const struct element *element, struct cua_buffer *text, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *names = cJSON_CreateArray();
	const cJSON *name = NULL;
	const char *before = " [";
	enum cua_status status = CUA_OK;
	element_state_names(element, names);
	cJSON_ArrayForEach (name, names) {
		if (status == CUA_OK) {
			status = cua_buffer_printf(text, err, "%s%s", before, name->valuestring);
		}
		before = ", ";
	}
	return status == CUA_OK && before[0] == ',' ? cua_buffer_append(text, "]", 1, err) : status;
}

/* A text is not scaled behind us, as members of an answer are. */
static enum cua_status print_place(const struct display *display, const struct cua_region *box,
		struct cua_buffer *text, struct cua_error *err)
{
	struct cua_point middle = { box->x + box->width / 2, box->y + box->height / 2 };
	if (display->scale.width > 0) {
		middle = cua_scale_to_picture(&display->scale, middle);
	}
	return cua_buffer_printf(text, err, " (%d,%d)", middle.x, middle.y);
}

static enum cua_status print_element(const struct display *display, const struct element *element,
		int indent, struct cua_buffer *text, struct cua_error *err)
{
	enum cua_status status = cua_buffer_printf(
			text, err, "%*se%u %s", 2 * indent, "", element->ref, element->role);
	if (status == CUA_OK && element->name[0]) {
		status = print_quoted(text, " ", element->name, err);
	}
	if (status == CUA_OK && element->value) {
		status = print_quoted(text, " = ", element->value, err);
	}
	if (status == CUA_OK && element->box.width > 0) {
		status = print_place(display, &element->box, text, err);
	} else if (status == CUA_OK) {
		status = cua_buffer_printf(text, err, " (not visible)");
	}
	if (status == CUA_OK) {
		status = print_states(element, text, err);
	}
	if (status == CUA_OK && element->children >= 0) {
		status = cua_buffer_printf(text, err, " (%.0f children, those in view follow)",
				element->children);
	}
	if (status == CUA_OK && element->depth == 0) {
		status = cua_buffer_printf(text, err, " window 0x%x", element->place.window);
	}
	return status == CUA_OK ? cua_buffer_append(text, "\n", 1, err) : status;
}

static enum cua_status print_list(const struct display *display, const struct element_list *list,
		bool all, struct cua_buffer *text, int *ret_printed, struct cua_error *err)
{
	struct outline outline = { .indent = { 0 } };
	enum cua_status status = CUA_OK;
	*ret_printed = 0;
	for (int i = 0; status == CUA_OK && i < list->count; i++) {
		const struct element *element = &list->items[i];
		const int depth = element->depth;
		const bool printed = says_something(element, &outline, all);
		if (printed) {
			status = print_element(display, element, outline.indent[depth], text, err);
			++*ret_printed;
		}
		outline.indent[depth + 1] = outline.indent[depth] + (printed ? 1 : 0);
		outline.name[depth + 1] = printed ? element->name : outline.name[depth];
	}
	return status;
}

/* --- elements as JSON --- */

static void add_box(cJSON *json, const struct cua_region *box)
{
	const int numbers[] = { box->x, box->y, box->width, box->height };
	cJSON_AddNumberToObject(json, "x", box->x + box->width / 2);
	cJSON_AddNumberToObject(json, "y", box->y + box->height / 2);
	cJSON_AddItemToObject(json, "box", cJSON_CreateIntArray(numbers, 4));
}

static void add_ref(cJSON *json, unsigned int number)
{
	char ref[16];
	snprintf(ref, sizeof(ref), "e%u", number);
	cJSON_AddStringToObject(json, "ref", ref);
}

static cJSON *describe(const struct element *element)
{
	cJSON *json = cJSON_CreateObject();
	add_ref(json, element->ref);
	cJSON_AddStringToObject(json, "role", element->role);
	cJSON_AddStringToObject(json, "name", element->name);
	if (element->value) {
		cJSON_AddStringToObject(json, "value", element->value);
	}
	element_state_names(element, cJSON_AddArrayToObject(json, "states"));
	if (element->box.width > 0) {
		add_box(json, &element->box);
	}
	cJSON_AddBoolToObject(json, "visible", is_seen(element));
	cJSON_AddNumberToObject(json, "depth", element->depth);
	cJSON_AddNumberToObject(json, "window", element->place.window);
	if (element->children >= 0) {
		cJSON_AddNumberToObject(json, "children", element->children);
	}
	return json;
}

/* --- read_screen --- */

static void tell_bounds(const struct element_list *list, cJSON *result)
{
	if (list->cut) {
		cJSON_AddTrueToObject(result, "cut");
	}
	if (list->stuck_count > 0) {
		cJSON *stuck = cJSON_AddArrayToObject(result, "stuck_pids");
		for (int i = 0; i < list->stuck_count; i++) {
			cJSON_AddItemToArray(stuck, cJSON_CreateNumber(list->stuck[i]));
		}
	}
}

static enum cua_status answer_text(const struct display *display, const struct element_list *list,
		bool all, cJSON *result, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	int printed = 0;
	cua_buffer_init(&text, TEXT_ANSWER_MAX);
	enum cua_status status = print_list(display, list, all, &text, &printed, err);
	if (status == CUA_ERR_TOO_LARGE) {
		return CUA_FAIL(err, status, 0,
				"more than %u KiB of elements; ask for one window, or fewer with "
				"max_nodes or depth",
				TEXT_ANSWER_MAX >> 10);
	}
	if (status == CUA_OK && list->cut) {
		status = cua_buffer_printf(&text, err,
				"(there is more: raise max_nodes or depth, or name a window)\n");
	}
	for (int i = 0; status == CUA_OK && i < list->stuck_count; i++) {
		status = cua_buffer_printf(&text, err,
				"(the application with pid %u does not answer)\n", list->stuck[i]);
	}
	if (status == CUA_OK && printed == 0) {
		status = cua_buffer_printf(&text, err,
				"(no window tells its elements; read_text reads the picture)\n");
	}
	if (status == CUA_OK) {
		text.data[text.len - 1] = '\0';
		cJSON_AddStringToObject(result, "text", text.data);
		cJSON_AddNumberToObject(result, "count", printed);
	}
	return status;
}

enum cua_status reading_act_screen(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const struct reading_options options = { .window = action->window,
		.max_nodes = action->max_nodes,
		.max_depth = action->depth,
		.max_text = action->structured ? READER_TEXT_MAX : 2 * LINE_TEXT_MAX,
		.all = action->all,
		.timeout_ms = READING_TIMEOUT_MS };
	CUA_AUTO_FREE struct window_stack *stack = calloc(1, sizeof(*stack));
	struct element_list list = { .items = NULL };
	if (veil_answer(display, result)) {
		return CUA_OK;
	}
	if (!stack) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "read_screen");
	}
	enum cua_status status = action->window == 0
			? CUA_OK
			: window_check(display, action->window, false, err);
	if (status == CUA_OK) {
		status = reading_tree(display, &options, stack, &list, err);
	}
	if (status == CUA_OK && action->structured) {
		cJSON *elements = cJSON_AddArrayToObject(result, "elements");
		for (int i = 0; i < list.count; i++) {
			if (action->all || list.items[i].depth == 0 || is_seen(&list.items[i])) {
				cJSON_AddItemToArray(elements, describe(&list.items[i]));
			}
		}
	} else if (status == CUA_OK) {
		status = answer_text(display, &list, action->all, result, err);
	}
	if (status == CUA_OK) {
		tell_bounds(&list, result);
	}
	element_list_finish(&list);
	return status;
}

/* --- find_text --- */

enum cua_status reading_act_find(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const struct reading_options options = { .window = action->window,
		.region = action->region,
		.lang = action->lang,
		.timeout_ms = READING_TIMEOUT_MS,
		.max_ms = READING_MAX_MS };
	CUA_AUTO_FREE struct reading_matches *matches = calloc(1, sizeof(*matches));
	if (!matches) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "find_text");
	}
	if (veil_answer(display, result)) {
		cJSON_AddArrayToObject(result, "matches");
		return CUA_OK;
	}
	enum cua_status status = action->window == 0
			? CUA_OK
			: window_check(display, action->window, false, err);
	if (status == CUA_OK) {
		status = reading_find_text(display, action->text, &options, matches, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	if (matches->count == 0 && matches->is_unread) {
		return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
				"find_text: no element says \"%.80s\", and the picture of the "
				"screen could not be read",
				action->text);
	}
	cJSON_AddStringToObject(result, "source", matches->source);
	cJSON *list = cJSON_AddArrayToObject(result, "matches");
	for (int i = 0; i < matches->count; i++) {
		const struct reading_match *match = &matches->items[i];
		cJSON *json = cJSON_CreateObject();
		cJSON_AddStringToObject(json, "text", match->text);
		if (match->ref > 0) {
			add_ref(json, match->ref);
			cJSON_AddStringToObject(json, "role", match->role);
		}
		add_box(json, &match->box);
		cJSON_AddItemToArray(list, json);
	}
	return CUA_OK;
}

/* --- read_text --- */

static int middle(const struct screen_word *word)
{
	return word->box.y + word->box.height / 2;
}

static int compare_heights(const void *one, const void *other)
{
	return middle(*(const struct screen_word *const *)one) -
			middle(*(const struct screen_word *const *)other);
}

static int compare_left(const void *one, const void *other)
{
	return (*(const struct screen_word *const *)one)->box.x -
			(*(const struct screen_word *const *)other)->box.x;
}

/* One row of words; a wide gap is a gap in the text, too. */
static enum cua_status print_row(const struct screen_word **words, int count,
		struct cua_buffer *text, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	qsort(words, (size_t)count, sizeof(*words), compare_left);
	for (int i = 0; status == CUA_OK && i < count; i++) {
		const struct cua_region *before = i > 0 ? &words[i - 1]->box : NULL;
		const int gap = before ? words[i]->box.x - before->x - before->width : 0;
		const char *space = !before ? "" : gap > 2 * before->height ? "   " : " ";
		status = cua_buffer_printf(text, err, "%s%s", space, words[i]->text);
	}
	return status == CUA_OK ? cua_buffer_append(text, "\n", 1, err) : status;
}

/* Recognition tells words in no order that people read in: rows, each from the left. */
static enum cua_status print_words(
		const struct word_list *list, struct cua_buffer *text, struct cua_error *err)
{
	CUA_AUTO_FREE const struct screen_word **words =
			calloc((size_t)list->count + 1, sizeof(*words));
	enum cua_status status = CUA_OK;
	if (!words) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "words");
	}
	for (int i = 0; i < list->count; i++) {
		words[i] = &list->items[i];
	}
	qsort(words, (size_t)list->count, sizeof(*words), compare_heights);
	for (int first = 0; status == CUA_OK && first < list->count;) {
		int last = first + 1;
		while (last < list->count &&
				middle(words[last]) - middle(words[last - 1]) <
						words[first]->box.height / 2) {
			last++;
		}
		status = print_row(words + first, last - first, text, err);
		first = last;
	}
	return status;
}

static cJSON *describe_words(const struct word_list *list)
{
	cJSON *words = cJSON_CreateArray();
	for (int i = 0; i < list->count; i++) {
		const struct screen_word *word = &list->items[i];
		const int numbers[] = { word->box.x, word->box.y, word->box.width, word->box.height,
			word->confidence };
		cJSON *json = cJSON_CreateIntArray(numbers, (int)CUA_ARRAY_LEN(numbers));
		cJSON_InsertItemInArray(json, 0, cJSON_CreateString(word->text));
		cJSON_AddItemToArray(words, json);
	}
	return words;
}

enum cua_status reading_act_text(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const struct word_list *list = NULL;
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, TEXT_ANSWER_MAX);
	if (veil_answer(display, result)) {
		cJSON_AddArrayToObject(result, "words");
		return CUA_OK;
	}
	enum cua_status status = reading_words(
			display, &action->region, action->lang, READ_TEXT_TIMEOUT_MS, &list, err);
	if (status == CUA_OK) {
		status = print_words(list, &text, err);
	}
	if (status == CUA_OK) {
		cJSON_AddStringToObject(result, "text", text.len > 0 ? text.data : "");
		cJSON_AddItemToObject(result, "words", describe_words(list));
	}
	return status;
}

/* --- mark_screen --- */

enum cua_status reading_act_mark(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const struct reading_options options = { .window = action->window,
		.max_nodes = READER_NODES_MAX,
		.max_depth = READER_DEPTH_MAX,
		.max_text = LINE_TEXT_MAX,
		.timeout_ms = READING_TIMEOUT_MS };
	CUA_AUTO_FREE struct window_stack *stack = calloc(1, sizeof(*stack));
	struct element_list list = { .items = NULL };
	if (veil_answer(display, result)) {
		display->marks.count = 0;
		cJSON_AddArrayToObject(result, "marks");
		return CUA_OK;
	}
	if (!stack) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "mark_screen");
	}
	enum cua_status status = action->window == 0
			? CUA_OK
			: window_check(display, action->window, false, err);
	if (status == CUA_OK) {
		status = reading_tree(display, &options, stack, &list, err);
	}
	cJSON *marks = cJSON_AddArrayToObject(result, "marks");
	display->marks.count = 0;
	for (int i = 0; status == CUA_OK && i < list.count; i++) {
		const struct element *element = &list.items[i];
		if (!is_seen(element) || !element_is_actionable(element) ||
				is_empty_cell(element)) {
			continue;
		}
		if (display->marks.count == SHOT_MARKS_MAX) {
			list.cut = true;
			break;
		}
		display->marks.items[display->marks.count++] =
				(struct shot_mark){ element->ref, element->box };
		cJSON *mark = describe(element);
		cJSON_DeleteItemFromObjectCaseSensitive(mark, "visible");
		cJSON_DeleteItemFromObjectCaseSensitive(mark, "depth");
		cJSON_AddItemToArray(marks, mark);
	}
	if (status == CUA_OK) {
		tell_bounds(&list, result);
	}
	element_list_finish(&list);
	return status;
}
