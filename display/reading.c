#include "display/reading.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include <isa-l/crc64.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/reader/reader.h"
#include "display/reader_client.h"

#define FIND_NODES_MAX READER_NODES_MAX
#define SEARCH_TEXT_MAX 20000

/* --- elements --- */

cJSON *reading_request(struct display *display, const char *verb, const struct window_stack *stack,
		Window window, int timeout_ms)
{
	const int screen[] = { display->width_px, display->height_px };
	cJSON *request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "do", verb);
	cJSON_AddItemToObject(request, "windows", window_stack_describe(display, stack, window));
	cJSON_AddItemToObject(request, "screen", cJSON_CreateIntArray(screen, 2));
	cJSON_AddNumberToObject(request, "deadline_ms", timeout_ms);
	cJSON_AddNumberToObject(request, "scale_percent", display->record.settings.dpi * 100 / 96);
	return request;
}

static bool is_popup(const struct window_stack *stack, Window window)
{
	for (int i = 0; i < stack->count; i++) {
		if (stack->items[i].window == window) {
			return stack->items[i].popup;
		}
	}
	return false;
}

static bool holds(const struct cua_region *box, int x, int y)
{
	return x >= box->x && y >= box->y && x - box->x < box->width && y - box->y < box->height;
}

/* Entries of a menu are children of what opened it, and yet in another window: they lie outside
 * their parent and in a popup. */
static void find_own_window(const struct window_stack *stack, const struct element *parent,
		Window at, int x, int y, struct element *element)
{
	if (!parent) {
		return;
	}
	element->place.window = parent->place.window;
	if (at != element->place.window && !holds(&parent->box, x, y) && is_popup(stack, at)) {
		element->place.window = (uint32_t)at;
	}
}

/* What the reader cannot know: numbers, and which window is in front. */
static void complete(struct display *display, const struct window_stack *stack,
		struct element_list *list)
{
	const struct element *parents[READER_DEPTH_MAX + 3] = { NULL };
	for (int i = 0; i < list->count; i++) {
		struct element *element = &list->items[i];
		if (element->box.width > 0) {
			const int x = element->box.x + element->box.width / 2;
			const int y = element->box.y + element->box.height / 2;
			const Window at = window_stack_at(stack, x, y);
			find_own_window(stack,
					element->depth > 0 ? parents[element->depth - 1] : NULL, at,
					x, y, element);
			element->covered = at != element->place.window;
		}
		parents[element->depth] = element;
		element->ref = element_refs_number(
				&display->refs, element->bus, element->path, &element->place);
	}
}

enum cua_status reading_tree(struct display *display, const struct reading_options *options,
		struct window_stack *stack, struct element_list *ret_list, struct cua_error *err)
{
	const struct cua_point screen = { display->width_px, display->height_px };
	window_stack_read(display, stack);
	CUA_AUTO_JSON cJSON *request = reading_request(
			display, "tree", stack, options->window, options->timeout_ms);
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON_AddNumberToObject(request, "max_nodes", options->max_nodes);
	cJSON_AddNumberToObject(request, "max_depth", options->max_depth);
	cJSON_AddNumberToObject(request, "max_text", options->max_text);
	cJSON_AddBoolToObject(request, "all", options->all);
	enum cua_status status = display_ok(display, err);
	if (status == CUA_OK) {
		status = reader_ask(display, request, NULL, 0,
				options->timeout_ms + READING_MARGIN_MS, &answer, err);
	}
	if (status == CUA_OK) {
		status = element_list_parse(answer, &screen, ret_list, err);
	}
	if (status == CUA_OK) {
		complete(display, stack, ret_list);
	}
	return status;
}

/* --- words --- */

void reading_cache_finish(struct display *display)
{
	for (int i = 0; i < READING_CACHE_MAX; i++) {
		word_list_finish(&display->words[i].list);
		display->words[i] = (struct reading_words){ .key = 0 };
	}
}

static uint8_t grey_of(uint32_t pixel)
{
	/* Rec. 601 luma in 256ths. */
	return (uint8_t)(((pixel >> 16 & 0xff) * 77 + (pixel >> 8 & 0xff) * 150 +
					 (pixel & 0xff) * 29) >>
			8);
}

static uint8_t *make_grey(const struct display *display, const struct cua_region *region)
{
	uint8_t *grey = malloc((size_t)region->width * (size_t)region->height);
	const uint32_t *pixels = (const uint32_t *)(const void *)display->frame.pixels;
	for (int y = 0; grey && y < region->height; y++) {
		const uint32_t *row = pixels + (size_t)(region->y + y) * (size_t)display->width_px +
				region->x;
		uint8_t *out = grey + (size_t)y * (size_t)region->width;
		for (int x = 0; x < region->width; x++) {
			out[x] = grey_of(row[x]);
		}
	}
	return grey;
}

/* The place for a new list: the one that was of use the longest ago. */
static struct reading_words *oldest(struct display *display)
{
	struct reading_words *found = &display->words[0];
	for (int i = 1; i < READING_CACHE_MAX; i++) {
		if (display->words[i].used_us < found->used_us) {
			found = &display->words[i];
		}
	}
	return found;
}

/* Tesseract's names of languages, joined by "+": they become names of files. */
static enum cua_status check_lang(const char *lang, struct cua_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_+";
	return lang[strspn(lang, allowed)] == '\0'
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "lang is \"%.64s\"; it must be names of Tesseract's "
					  "languages, such as deu or deu+eng",
					  lang);
}

enum cua_status reading_words(struct display *display, const struct cua_region *region,
		const char *lang, int timeout_ms, const struct word_list **ret_list,
		struct cua_error *err)
{
	lang = lang ? lang : "";
	enum cua_status status = check_lang(lang, err);
	if (status == CUA_OK) {
		status = frame_update(display, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	const struct cua_region screen = display_screen(display);
	const struct cua_region area = region->width > 0 ? *region : screen;
	if (area.x < 0 || area.y < 0 || area.width > screen.width - area.x ||
			area.height > screen.height - area.y) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"region %d,%d,%d,%d leaves the screen of %dx%d", area.x, area.y,
				area.width, area.height, screen.width, screen.height);
	}
	CUA_AUTO_FREE uint8_t *grey = make_grey(display, &area);
	if (!grey) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	const size_t len = (size_t)area.width * (size_t)area.height;
	const uint64_t key = crc64_ecma_refl(
			crc64_ecma_refl(0, (const uint8_t *)lang, strlen(lang)), grey, len);
	for (int i = 0; i < READING_CACHE_MAX; i++) {
		struct reading_words *words = &display->words[i];
		if (words->used_us > 0 && words->key == key &&
				memcmp(&words->region, &area, sizeof(area)) == 0) {
			words->used_us = cua_now_us();
			*ret_list = &words->list;
			return CUA_OK;
		}
	}
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	struct word_list list = { .items = NULL };
	cJSON_AddStringToObject(request, "do", "ocr");
	cJSON_AddStringToObject(request, "lang", lang);
	cJSON_AddNumberToObject(request, "width", area.width);
	cJSON_AddNumberToObject(request, "height", area.height);
	cJSON_AddNumberToObject(request, "deadline_ms", timeout_ms);
	status = reader_ask(
			display, request, grey, len, timeout_ms + READING_MARGIN_MS, &answer, err);
	if (status == CUA_OK) {
		status = word_list_parse(answer, &area, &list, err);
	}
	if (status == CUA_OK) {
		struct reading_words *place = oldest(display);
		word_list_finish(&place->list);
		*place = (struct reading_words){ key, area, cua_now_us(), list };
		*ret_list = &place->list;
	}
	return status;
}

/* --- text in either --- */

/* Code points in lower case, runs of white space as one space or none. */
struct folded {
	uint32_t *codes; /* owned */
	size_t count;
};

static bool fold(const char *text, bool keep_spaces, locale_t locale, struct folded *folded)
{
	const char *at = text, *end = text + strlen(text);
	folded->codes = calloc(strlen(text) + 1, sizeof(*folded->codes));
	folded->count = 0;
	while (folded->codes && at < end) {
		const uint32_t code = cua_utf8_next(&at, end);
		if (code == CUA_UTF8_INVALID) {
			break;
		}
		const bool space = code == 0xa0 || iswspace_l((wint_t)code, locale);
		const bool again = folded->count == 0 || folded->codes[folded->count - 1] == ' ';
		if (!space || (keep_spaces && !again)) {
			folded->codes[folded->count++] =
					space ? ' ' : (uint32_t)towlower_l((wint_t)code, locale);
		}
	}
	while (folded->count > 0 && folded->codes[folded->count - 1] == ' ') {
		folded->count--;
	}
	return folded->codes != NULL;
}

/* Where wanted begins at or after start; SIZE_MAX if nowhere. */
static size_t find_folded(const struct folded *text, const struct folded *wanted, size_t start)
{
	for (size_t at = start; wanted->count > 0 && at + wanted->count <= text->count; at++) {
		if (memcmp(text->codes + at, wanted->codes, wanted->count * sizeof(*text->codes)) ==
				0) {
			return at;
		}
	}
	return SIZE_MAX;
}

static bool contains(const char *text, const struct folded *wanted, locale_t locale)
{
	struct folded folded;
	const bool found = text && fold(text, true, locale, &folded) &&
			find_folded(&folded, wanted, 0) != SIZE_MAX;
	if (text) {
		free(folded.codes);
	}
	return found;
}

static bool overlaps(const struct cua_region *box, const struct cua_region *region)
{
	return region->width == 0 ||
			(box->x < region->x + region->width && region->x < box->x + box->width &&
					box->y < region->y + region->height &&
					region->y < box->y + box->height);
}

static void add_match(struct reading_matches *matches, const char *text, unsigned int ref,
		const char *role, const struct cua_region *box)
{
	if (matches->count < READING_MATCHES_MAX) {
		struct reading_match *match = &matches->items[matches->count++];
		*match = (struct reading_match){ .ref = ref, .box = *box };
		snprintf(match->text, sizeof(match->text), "%s", text);
		/* Not through the middle of a character. */
		for (size_t len = strlen(match->text);
				len > 0 && cua_utf8_check(match->text, len, NULL) != CUA_OK;) {
			match->text[--len] = '\0';
		}
		snprintf(match->role, sizeof(match->role), "%s", role);
	}
}

/* Within a text the place of the words is the application's to tell. All that are asked share one
 * deadline; after it the place of the element must do. */
static void add_spans(struct display *display, const char *text, const struct element *element,
		const struct cua_region *region, uint64_t deadline_us,
		struct reading_matches *matches)
{
	const int timeout_ms = cua_ms_until(deadline_us);
	if (timeout_ms == 0) {
		add_match(matches, text, element->ref, element->role, &element->box);
		return;
	}
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON_AddStringToObject(request, "do", "spans");
	cJSON_AddStringToObject(request, "text", text);
	cJSON_AddNumberToObject(request, "deadline_ms", timeout_ms);
	cJSON *item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "bus", element->bus);
	cJSON_AddStringToObject(item, "path", element->path);
	element_place_add(&element->place, item);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(request, "elements"), item);
	bool is_told = false;
	if (reader_ask(display, request, NULL, 0, timeout_ms + READING_MARGIN_MS, &answer, NULL) ==
			CUA_OK) {
		const cJSON *span = NULL;
		cJSON_ArrayForEach (span, cJSON_GetObjectItemCaseSensitive(answer, "spans")) {
			struct cua_region box;
			const bool is_place = element_read_box(span, &element->box, &box);
			is_told = is_told || is_place;
			if (is_place && overlaps(&box, region)) {
				add_match(matches, text, element->ref, element->role, &box);
			}
		}
	}
	if (!is_told) {
		add_match(matches, text, element->ref, element->role, &element->box);
	}
}

/* The inner one of two elements of the same words is what shows them. */
static bool repeats_child(const struct element_list *list, int index, const struct folded *wanted,
		locale_t locale)
{
	for (int i = index + 1; i < list->count && list->items[i].depth > list->items[index].depth;
			i++) {
		const struct element *inner = &list->items[i];
		if (inner->box.width > 0 && !inner->covered &&
				(contains(inner->name, wanted, locale) ||
						contains(inner->value, wanted, locale))) {
			return true;
		}
	}
	return false;
}

static enum cua_status find_in_tree(struct display *display, const char *text,
		const struct reading_options *options, locale_t locale,
		struct reading_matches *matches, struct cua_error *err)
{
	const struct reading_options all = { .window = options->window,
		.max_nodes = FIND_NODES_MAX,
		.max_depth = READER_DEPTH_MAX,
		.max_text = SEARCH_TEXT_MAX,
		.timeout_ms = options->timeout_ms };
	CUA_AUTO_FREE struct window_stack *stack = calloc(1, sizeof(*stack));
	struct element_list list = { .items = NULL };
	struct folded wanted = { NULL, 0 };
	enum cua_status status = stack && fold(text, true, locale, &wanted)
			? reading_tree(display, &all, stack, &list, err)
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "search");
	const uint64_t deadline_us = cua_now_us() + (uint64_t)options->timeout_ms * 1000U;
	for (int i = 0; status == CUA_OK && i < list.count && matches->count < READING_MATCHES_MAX;
			i++) {
		const struct element *element = &list.items[i];
		if (element->depth == 0 || element->box.width == 0 || element->covered ||
				!overlaps(&element->box, &options->region)) {
			continue;
		}
		const bool in_name = contains(element->name, &wanted, locale);
		const bool in_value = contains(element->value, &wanted, locale);
		if ((!in_name && !in_value) || repeats_child(&list, i, &wanted, locale)) {
			continue;
		}
		if (in_value || strcmp(element->role, "static") == 0 ||
				strcmp(element->role, "paragraph") == 0) {
			add_spans(display, text, element, &options->region, deadline_us, matches);
		} else {
			add_match(matches, element->name, element->ref, element->role,
					&element->box);
		}
	}
	free(wanted.codes);
	element_list_finish(&list);
	return status;
}

/* Recognition joins words and tears them apart: spaces do not count. */
static void find_in_line(const struct word_list *list, int first, int last,
		const struct folded *wanted, locale_t locale, struct reading_matches *matches)
{
	struct folded line = { NULL, 0 };
	char text[4096] = "";
	int owner[4096];
	size_t len = 0;
	for (int i = first; i < last; i++) {
		struct folded word = { NULL, 0 };
		const size_t more = strlen(list->items[i].text);
		if (len + more + 1 >= sizeof(text) ||
				!fold(list->items[i].text, false, locale, &word)) {
			break;
		}
		memcpy(text + len, list->items[i].text, more + 1);
		len += more;
		for (size_t k = 0; k < word.count && line.count < CUA_ARRAY_LEN(owner); k++) {
			owner[line.count++] = i;
		}
		free(word.codes);
	}
	if (!fold(text, false, locale, &line)) {
		return;
	}
	for (size_t at = 0; (at = find_folded(&line, wanted, at)) != SIZE_MAX;
			at += wanted->count) {
		struct cua_region box = list->items[owner[at]].box;
		char found[sizeof(matches->items[0].text)];
		size_t used = 0;
		for (int i = owner[at]; i <= owner[at + wanted->count - 1]; i++) {
			box = region_around(&box, &list->items[i].box);
			const int more = snprintf(found + used, sizeof(found) - used, "%s%s",
					used > 0 ? " " : "", list->items[i].text);
			used = used + (size_t)more < sizeof(found) ? used + (size_t)more
								   : sizeof(found) - 1;
		}
		add_match(matches, found, 0, "", &box);
	}
	free(line.codes);
}

/* What of a window is inside the screen; all of the screen if it has gone. */
static struct cua_region visible_area(struct display *display, Window window)
{
	const struct cua_region screen = display_screen(display);
	CUA_AUTO_JSON cJSON *json = window_describe(display, window);
	struct cua_region area;
	return element_read_box(json, &screen, &area) ? area : screen;
}

static enum cua_status find_in_picture(struct display *display, const char *text,
		const struct reading_options *options, int timeout_ms, locale_t locale,
		struct reading_matches *matches, struct cua_error *err)
{
	const struct word_list *list = NULL;
	struct folded wanted = { NULL, 0 };
	struct cua_region region = options->region;
	if (region.width == 0 && options->window != None) {
		region = visible_area(display, options->window);
	}
	enum cua_status status =
			reading_words(display, &region, options->lang, timeout_ms, &list, err);
	if (status != CUA_OK || !fold(text, false, locale, &wanted)) {
		return status;
	}
	for (int first = 0; first < list->count;) {
		int last = first;
		while (last < list->count && list->items[last].line == list->items[first].line) {
			last++;
		}
		find_in_line(list, first, last, &wanted, locale, matches);
		first = last;
	}
	free(wanted.codes);
	return CUA_OK;
}

/* Errors of looking, which another way of looking may not have. */
static bool is_blind(enum cua_status status)
{
	return status == CUA_ERR_UNAVAILABLE || status == CUA_ERR_TIMEOUT ||
			status == CUA_ERR_APP || status == CUA_ERR_CLOSED;
}

enum cua_status reading_find_text(struct display *display, const char *text,
		const struct reading_options *options, struct reading_matches *ret_matches,
		struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)options->max_ms * 1000U;
	locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!locale) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "the locale C.UTF-8");
	}
	ret_matches->count = 0;
	ret_matches->source = "none";
	ret_matches->is_unread = false;
	display_look_for_secrets(display);
	ret_matches->is_withheld = veil_is_on(display);
	if (ret_matches->is_withheld) {
		freelocale(locale);
		return CUA_OK;
	}
	ret_matches->source = "tree";
	enum cua_status status = find_in_tree(display, text, options, locale, ret_matches, err);
	if (is_blind(status) || (status == CUA_OK && ret_matches->count == 0)) {
		struct cua_error second = { 0 };
		const enum cua_status tree_status = status;
		ret_matches->source = "ocr";
		const int left_ms = cua_ms_until(deadline_us);
		status = find_in_picture(display, text, options,
				left_ms > READING_LEAST_MS ? left_ms : READING_LEAST_MS, locale,
				ret_matches, &second);
		if (is_blind(status) && tree_status == CUA_OK && !options->lang) {
			ret_matches->is_unread = status != CUA_ERR_UNAVAILABLE;
			status = CUA_OK; /* the tree has looked */
		} else if (status != CUA_OK && err) {
			*err = second;
		}
	}
	freelocale(locale);
	if (status == CUA_OK && ret_matches->count == 0) {
		ret_matches->source = "none";
	}
	return status;
}

/* --- one page --- */

enum cua_status reading_document_url(struct display *display, int timeout_ms,
		char url[READING_URL_MAX], struct cua_error *err)
{
	const struct reading_options options = { .window = window_active(display),
		.max_nodes = 1000,
		.max_depth = 24,
		.max_text = 100,
		.timeout_ms = timeout_ms };
	CUA_AUTO_FREE struct window_stack *stack = calloc(1, sizeof(*stack));
	struct element_list list = { .items = NULL };
	const struct element *page = NULL;
	if (!stack || options.window == None) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no window is active");
	}
	enum cua_status status = reading_tree(display, &options, stack, &list, err);
	for (int i = 0; i < list.count; i++) {
		const struct element *element = &list.items[i];
		if (strcmp(element->role, "document web") == 0 &&
				element->place.window == options.window &&
				(!page || element->box.width > page->box.width)) {
			page = element;
		}
	}
	if (status == CUA_OK && !page) {
		status = CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "the active window shows no page");
	}
	if (status == CUA_OK) {
		CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
		CUA_AUTO_JSON cJSON *answer = NULL;
		cJSON_AddStringToObject(request, "do", "url");
		cJSON_AddStringToObject(request, "bus", page->bus);
		cJSON_AddStringToObject(request, "path", page->path);
		cJSON_AddNumberToObject(request, "deadline_ms", timeout_ms);
		status = reader_ask(display, request, NULL, 0, timeout_ms + READING_MARGIN_MS,
				&answer, err);
		CUA_AUTO_FREE char *text =
				element_clean_text(cJSON_GetObjectItemCaseSensitive(answer, "url"),
						READING_URL_MAX - 1);
		snprintf(url, READING_URL_MAX, "%s", text ? text : "");
	}
	element_list_finish(&list);
	return status;
}
