/* What the reader answers. */
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/element_list.h"
#include "display/reader/reader.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text)
{
	FUZZ_CHECK(cua_utf8_check(text, strlen(text), NULL) == CUA_OK);
	for (const char *at = text; *at; at++) {
		FUZZ_CHECK((unsigned char)*at >= 0x20 && *at != 0x7f);
	}
}

static void check_box(const struct cua_region *box, const struct cua_region *bounds)
{
	FUZZ_CHECK(box->width > 0 && box->height > 0 && box->x >= bounds->x && box->y >= bounds->y);
	FUZZ_CHECK(box->x + box->width <= bounds->x + bounds->width);
	FUZZ_CHECK(box->y + box->height <= bounds->y + bounds->height);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cua_point screen = { 1280, 800 };
	const struct cua_region all = { 0, 0, 1280, 800 }, region = { 100, 200, 300, 400 };
	CUA_AUTO_JSON cJSON *json = cJSON_ParseWithLength((const char *)data, size);
	struct element_list list = { .items = NULL };
	struct word_list words = { .items = NULL };
	if (element_list_parse(json, &screen, &list, NULL) == CUA_OK) {
		FUZZ_CHECK(list.count <= READER_NODES_MAX);
		for (int i = 0; i < list.count; i++) {
			const struct element *element = &list.items[i];
			check_text(element->role);
			check_text(element->name);
			check_text(element->value ? element->value : "");
			FUZZ_CHECK(element->bus[0] == ':' && element->path[0] == '/');
			FUZZ_CHECK(element->depth <= (i > 0 ? element[-1].depth + 1 : 0));
			FUZZ_CHECK(element->depth <= READER_DEPTH_MAX + 1);
			if (element->box.width > 0) {
				check_box(&element->box, &all);
			}
			CUA_AUTO_JSON cJSON *names = cJSON_CreateArray();
			element_state_names(element, names);
			(void)element_is_actionable(element);
		}
		element_list_finish(&list);
	}
	if (word_list_parse(json, &region, &words, NULL) == CUA_OK) {
		for (int i = 0; i < words.count; i++) {
			check_text(words.items[i].text);
			check_box(&words.items[i].box, &region);
		}
		word_list_finish(&words);
	}
	return 0;
}
