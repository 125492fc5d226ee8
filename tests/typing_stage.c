#include "tests/typing_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/waiting.h"

struct typing_stage typing;

int typing_start(void **state)
{
	(void)state;
	world_create(&typing.world, (uid_t)-1);
	desktop_start(&typing.desktop, &typing.world, "type");
	return 0;
}

int typing_finish(void **state)
{
	(void)state;
	desktop_disconnect(&typing.desktop);
	world_destroy(&typing.world);
	return 0;
}

static const char code[] =
		"#include <stdio.h>\n"
		"int main(void)\n"
		"{\n"
		"  printf(\"%d\\n\", 3 * (4 + 5) % 6 & ~7 | 8 ^ 9); /* `$HOME` @ #1! */\n"
		"  return a[0] != 'x' ? b->c : {}; // <>?;:,._-=+'\"\n"
		"}\n";
static const char languages[] = "À la façon française: Œuvre, naïve, été\n"
				"Straße, Äpfel Öl Übung; čeština řízů; türkçe İığ\n"
				"Γλώσσα και σφίγξ\n"
				"Привет, мир! Єїёъ\n"
				"„quotes“ ‘single’ «guillemets» – — … € £ µ\n";
/* A family and a flag held together by joiners, a skin tone, a combining accent. */
static const char emoji[] = "😀 👩\xe2\x80\x8d👩\xe2\x80\x8d👧\xe2\x80\x8d👦 "
			    "🏳\xef\xb8\x8f\xe2\x80\x8d🌈 👍🏽 e\xcc\x81 end\n";

void typing_add_ideographs(char *text, int count)
{
	char *at = text + strlen(text);
	srand(20);
	for (int i = 0; i < count; i++) {
		const unsigned int point = 0x4e00 + (unsigned int)rand() % (0x9fa5 - 0x4e00);
		*at++ = (char)(0xe0 | point >> 12);
		*at++ = (char)(0x80 | (point >> 6 & 0x3f));
		*at++ = (char)(0x80 | (point & 0x3f));
		if (i % 50 == 49) {
			*at++ = '\n';
		}
	}
	*at = '\0';
}

char *typing_text(bool with_tabs)
{
	char *text = calloc(1, 16384);
	assert_non_null(text);
	strcat(text, code);
	strcat(text, with_tabs ? "one\ttwo\t\tthree\n" : "one two\n");
	strcat(text, languages);
	typing_add_ideographs(text, 200);
	strcat(text, emoji);
	strcat(text, "aaaaaaaa  bbbb    cc\n\n\nThe end.\n");
	return text;
}

void typing_expect(const char *found, const char *wanted, const char *where)
{
	size_t at = 0;
	while (found[at] && found[at] == wanted[at]) {
		at++;
	}
	if (found[at] || wanted[at]) {
		const size_t from = at > 20 ? at - 20 : 0;
		fail_msg("%s differs at byte %zu of %zu (%zu came): \"%.60s\" wanted, \"%.60s\" "
			 "came; byte "
			 "%02x, not %02x",
				where, at, strlen(wanted), strlen(found), wanted + from,
				found + from, (unsigned char)found[at], (unsigned char)wanted[at]);
	}
}

bool typing_file_is_there(void *data)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", typing.desktop.home, (const char *)data);
	return access(path, F_OK) == 0;
}

static bool has_changed(void *data)
{
	CUA_AUTO_JSON cJSON *answer =
			desktop_act(&typing.desktop, "[{\"action\":\"clipboard_get\"}]");
	snprintf(typing.clipboard, sizeof(typing.clipboard), "%s",
			json_text(answer, "results.0.text"));
	return strcmp(typing.clipboard, data) != 0;
}

void typing_read_back(void)
{
	char before[] = "nothing was copied";
	desktop_do(&typing.desktop, "[{\"action\":\"clipboard_set\",\"text\":\"%s\"}]", before);
	desktop_do(&typing.desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
			"{\"action\":\"key\",\"keys\":\"ctrl+c\"}]");
	wait_until(has_changed, before, "the editor copies its text");
}
