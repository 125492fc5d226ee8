#include "tests/typing_corpus.h"

#include <stdio.h>
#include <stdlib.h>

#include "cua/base/util.h"

#define TEXT_MAX_BYTES 65536
#define LINE_CHARS 60
#define ASCII_CHARS 8000
#define IDEOGRAPHS 2000
#define EMOJI 240

struct range {
	uint32_t first, last;
};

struct script {
	struct range letters[4]; /* ends with 0 */
	struct range marks;      /* follow one letter in so many */
	int one_in;
	int count;
};

static const struct script scripts[] = {
	/* Composed, and letters with up to two marks above, below or across. */
	{ { { 0xc0, 0xd6 }, { 0xd8, 0xf6 }, { 0x100, 0x17e } }, { 0 }, 0, 1500 },
	{ { { 'a', 'z' }, { 'A', 'Z' } }, { 0x300, 0x33f }, 2, 1500 },
	{ { { 0x391, 0x3a1 }, { 0x3a3, 0x3c9 }, { 0x3ac, 0x3af }, { 0x1f00, 0x1f15 } }, { 0 }, 0,
			1200 },
	{ { { 0x401, 0x45f } }, { 0x300, 0x301 }, 20, 1200 },
	{ { { 0x621, 0x63a }, { 0x641, 0x64a }, { 0x660, 0x669 } }, { 0x64b, 0x652 }, 4, 1200 },
	{ { { 0x5d0, 0x5ea } }, { 0x5b0, 0x5bd }, 3, 1200 },
	{ { { 0x905, 0x914 }, { 0x915, 0x939 }, { 0x966, 0x96f } }, { 0x93e, 0x94d }, 2, 1200 },
	{ { { 0xe01, 0xe2e }, { 0xe40, 0xe44 }, { 0xe50, 0xe59 } }, { 0xe34, 0xe39 }, 3, 1200 },
	{ { { 0xac00, 0xd7a3 } }, { 0 }, 0, 1200 },
};

/* A family and a flag held together by joiners, a skin tone, a keycap, flags of two letters. */
static const char *const emoji[] = { "\U0001F600", "\U0001F469\u200D\U0001F469\u200D\U0001F467",
	"\U0001F3F3\uFE0F\u200D\U0001F308", "\U0001F44D\U0001F3FD", "1\uFE0F\u20E3",
	"\U0001F1E9\U0001F1EA", "\u2764\uFE0F", "\U0001F9D1\U0001F3FF\u200D\U0001F680" };

static const char *const statements[] = { "if (a[%u] != '%c') {", "return b->c * %u + ~%c;",
	"printf(\"%%d: `%c` @ #%u\\n\", x & y | z ^ w % 7);", "$%c = \"%u\" . '?' <> {} ;",
	"/* %c%c -- %u! */", "}", "for (;;) i = i / %u - %c_%u;" };

struct text {
	char *bytes;
	size_t len;
	int column;
	uint64_t random;
	struct corpus_options options;
};

static uint32_t next_random(struct text *text, uint32_t below)
{
	text->random = text->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((text->random >> 33) % below);
}

static void add(struct text *text, uint32_t code)
{
	char *at = text->bytes + text->len;
	if (text->len + 8 > TEXT_MAX_BYTES) {
		abort();
	}
	if (code == '\t' && text->options.without_tabs) {
		code = ' ';
	}
	if (code < 0x80) {
		*at++ = (char)code;
	} else if (code < 0x800) {
		*at++ = (char)(0xc0 | code >> 6);
	} else if (code < 0x10000) {
		*at++ = (char)(0xe0 | code >> 12);
		*at++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	if (code >= 0x80) {
		*at++ = (char)(0x80 | (code & 0x3f));
	}
	text->len = (size_t)(at - text->bytes);
	text->column = code == '\n' ? 0 : text->column + 1;
}

static void add_string(struct text *text, const char *string)
{
	for (; *string; string++) {
		text->bytes[text->len++] = *string;
		text->column++;
	}
}

/* Blanks between words, breaks between lines, now and then a tab. */
static void add_gap(struct text *text)
{
	if (text->column > LINE_CHARS) {
		add(text, '\n');
		if (next_random(text, 8) == 0) {
			add(text, '\n');
		}
	} else {
		add(text, next_random(text, 24) == 0 ? '\t' : ' ');
	}
}

static uint32_t pick(struct text *text, const struct range *ranges, int max)
{
	uint32_t total = 0;
	for (int i = 0; i < max && ranges[i].first; i++) {
		total += ranges[i].last - ranges[i].first + 1;
	}
	uint32_t at = next_random(text, total);
	for (int i = 0;; i++) {
		const uint32_t size = ranges[i].last - ranges[i].first + 1;
		if (at < size) {
			return ranges[i].first + at;
		}
		at -= size;
	}
}

static void add_script(struct text *text, const struct script *script)
{
	for (int count = 0; count < script->count;) {
		for (uint32_t left = 1 + next_random(text, 9); left > 0; left--) {
			add(text, pick(text, script->letters, 4));
			count++;
			if (script->one_in > 0 &&
					next_random(text, (uint32_t)script->one_in) == 0) {
				add(text, pick(text, &script->marks, 1));
				count++;
			}
		}
		add_gap(text);
		count++;
	}
	add(text, '\n');
}

static struct text begin(const struct corpus_options *options)
{
	struct text text = { .bytes = calloc(1, TEXT_MAX_BYTES),
		.random = options->seed * 2654435761ULL + 1,
		.options = *options };
	if (!text.bytes) {
		abort();
	}
	return text;
}

char *corpus_ascii(const struct corpus_options *options)
{
	struct text text = begin(options);
	for (int depth = 0; text.len < ASCII_CHARS; depth = (depth + 1) % 5) {
		char line[128];
		const unsigned int number = next_random(&text, 1000);
		const char letter = (char)(' ' + next_random(&text, 95));
		const char *statement = statements[next_random(&text, CUA_ARRAY_LEN(statements))];
		for (int i = 0; i < depth; i++) {
			add(&text, depth % 2 ? '\t' : ' ');
		}
		/* The placeholders stand for a number and for any character. */
		for (size_t at = 0; statement[at]; at++) {
			if (statement[at] == '%' && statement[at + 1] == 'u') {
				snprintf(line, sizeof(line), "%u", number);
				add_string(&text, line);
				at++;
			} else if (statement[at] == '%' && statement[at + 1] == 'c') {
				add(&text, (uint32_t)letter);
				at++;
			} else {
				add(&text, (uint32_t)statement[at]);
			}
		}
		add(&text, '\n');
	}
	for (uint32_t code = 0x20; code < 0x7f; code++) {
		add(&text, code);
	}
	add(&text, '\n');
	return text.bytes;
}

char *corpus_mixed(const struct corpus_options *options)
{
	struct text text = begin(options);
	const struct range ideographs = { 0x4e00, 0x9fa5 };
	for (size_t i = 0; i < CUA_ARRAY_LEN(scripts); i++) {
		add_script(&text, &scripts[i]);
	}
	for (int i = 0; i < IDEOGRAPHS; i++) {
		add(&text, pick(&text, &ideographs, 1));
		if (i % 50 == 49) {
			add(&text, '\n');
		}
	}
	for (int i = 0; i < EMOJI; i++) {
		add_string(&text, emoji[next_random(&text, CUA_ARRAY_LEN(emoji))]);
		if (next_random(&text, 3) == 0) {
			add_gap(&text);
		}
	}
	add(&text, '\n');
	return text.bytes;
}

int corpus_count(const char *text)
{
	int count = 0;
	for (; *text; text++) {
		count += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return count;
}
