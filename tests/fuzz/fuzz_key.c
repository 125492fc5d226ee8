/* Key names and chords. */
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/key.h"
#include "cua/contract/utf8.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CUA_AUTO_FREE char *text = malloc(size + 1);
	struct cua_keys keys = { 0 };
	struct cua_error err = { 0 };
	uint32_t keysym = 0;
	if (!text) {
		return 0;
	}
	if (size > 0) {
		memcpy(text, data, size);
	}
	text[size] = '\0';
	for (int in_chord = 0; in_chord < 2; in_chord++) {
		if (cua_key_parse(text, in_chord, &keysym, &err) == CUA_OK) {
			FUZZ_CHECK(keysym != 0);
		} else {
			FUZZ_CHECK(cua_utf8_check(err.msg, strlen(err.msg), NULL) == CUA_OK);
		}
	}
	if (cua_keys_parse(text, &keys, &err) != CUA_OK) {
		FUZZ_CHECK(err.status == CUA_ERR_INVAL && keys.count == 0);
		FUZZ_CHECK(cua_utf8_check(err.msg, strlen(err.msg), NULL) == CUA_OK);
		return 0;
	}
	/* Every key of a chord is one by itself, and nothing but separators was left out. */
	FUZZ_CHECK(keys.count >= 1 && keys.count <= CUA_ACTION_KEYS_MAX);
	size_t len = 0, separators = 0;
	for (int i = 0; i < keys.count; i++) {
		FUZZ_CHECK(cua_key_parse(keys.names[i], true, &keysym, NULL) == CUA_OK);
		len += strlen(keys.names[i]);
	}
	for (const char *at = text; *at; at++) {
		separators += *at == '+' || *at == ' ';
	}
	FUZZ_CHECK(len <= strlen(text) && len + separators >= strlen(text));
	return 0;
}
