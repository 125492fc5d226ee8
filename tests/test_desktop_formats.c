/* What is not plain text on the clipboard, between the model and applications, both ways. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/waiting.h"

/* Two by two pixels, red. */
static const char png_base64[] = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4"
				 "z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==";

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "formats");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static cJSON *get(const char *format, const char *selection)
{
	return desktop_act(&desktop,
			"[{\"action\":\"clipboard_get\",\"format\":\"%s\",\"selection\":\"%s\"}]",
			format, selection);
}

static bool offers(const cJSON *answer, const char *format)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, json_at(answer, "results.0.formats")) {
		if (strcmp(item->valuestring, format) == 0) {
			return true;
		}
	}
	return false;
}

static char *xclip_out(const char *target, const char *selection)
{
	char script[256];
	snprintf(script, sizeof(script), "xclip -o -selection %s -t '%s'", selection, target);
	return desktop_sh(&desktop, script);
}

/* xclip ends before the server has heard from the copy of itself that stays behind, which unlike
 * the host offers no MULTIPLE. */
static void xclip_in(const char *bytes, const char *target, const char *selection)
{
	char script[1024];
	desktop_do(&desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"before\",\"selection\":"
			"\"%s\"}]",
			selection);
	snprintf(script, sizeof(script),
			"printf '%%b' '%s' | xclip -i -selection %s -t '%s' >/dev/null 2>&1; "
			"timeout 20 sh -c 'while xclip -o -selection %s -t TARGETS | "
			"grep -qx MULTIPLE; do :; done'",
			bytes, selection, target, selection);
	free(desktop_sh(&desktop, script));
}

/* --- xclip --- */

static void several_forms_of_one_content_are_offered(void **state)
{
	(void)state;
	desktop_do(&desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"b\xc3\xb6ld\",\"html\":"
			"\"<b>b\xc3\xb6ld</b>\",\"png_base64\":\"%s\"}]",
			png_base64);
	CUA_AUTO_FREE char *text = xclip_out("UTF8_STRING", "clipboard");
	assert_string_equal(text, "b\xc3\xb6ld");
	CUA_AUTO_FREE char *html = xclip_out("text/html", "clipboard");
	assert_non_null(strstr(html, "<b>b\xc3\xb6ld</b>"));
	assert_non_null(strstr(html, "charset=utf-8"));
	free(desktop_sh(&desktop, "xclip -o -selection clipboard -t image/png | base64 -w0 >got"));
	CUA_AUTO_FREE char *got = home_file(&desktop, "got");
	assert_string_equal(got, png_base64);
	/* And what was set is got. */
	CUA_AUTO_JSON cJSON *ours = get("html", "clipboard");
	assert_string_equal(json_text(ours, "results.0.html"), "<b>b\xc3\xb6ld</b>");
	CUA_AUTO_JSON cJSON *picture = get("png", "clipboard");
	assert_string_equal(json_text(picture, "results.0.png_base64"), png_base64);
	assert_true(offers(picture, "text") && offers(picture, "html") && offers(picture, "png"));
	assert_false(offers(picture, "files"));
}

static void what_a_program_offers_is_got(void **state)
{
	(void)state;
	xclip_in("<i>x</i>", "text/html", "clipboard");
	CUA_AUTO_JSON cJSON *html = get("html", "clipboard");
	assert_string_equal(json_text(html, "results.0.html"), "<i>x</i>");
	assert_true(offers(html, "html") && !offers(html, "png"));
	/* UTF-16 with its mark, as some programs write it. */
	xclip_in("\\0377\\0376<\\0b\\0>\\0\\0351\\0", "text/html", "clipboard");
	CUA_AUTO_JSON cJSON *wide = get("html", "clipboard");
	assert_string_equal(json_text(wide, "results.0.html"), "<b>\xc3\xa9");
	xclip_in("copy\\nfile:///home/agent/a%20b\\nfile:///tmp/%C3%A9",
			"x-special/gnome-copied-files", "clipboard");
	CUA_AUTO_JSON cJSON *files = get("files", "clipboard");
	assert_string_equal(json_text(files, "results.0.files.0"), "/home/agent/a b");
	assert_string_equal(json_text(files, "results.0.files.1"), "/tmp/\xc3\xa9");
	assert_string_equal(json_text(files, "results.0.operation"), "copy");
}

static void primary_is_another_clipboard(void **state)
{
	(void)state;
	desktop_do(&desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"one\"},{\"action\":"
			"\"clipboard_set\",\"text\":\"two\",\"selection\":\"primary\"}]");
	CUA_AUTO_FREE char *one = xclip_out("UTF8_STRING", "clipboard");
	CUA_AUTO_FREE char *two = xclip_out("UTF8_STRING", "primary");
	assert_string_equal(one, "one");
	assert_string_equal(two, "two");
	xclip_in("marked", "UTF8_STRING", "primary");
	CUA_AUTO_JSON cJSON *marked = get("text", "primary");
	assert_string_equal(json_text(marked, "results.0.text"), "marked");
	CUA_AUTO_JSON cJSON *kept = get("text", "clipboard");
	assert_string_equal(json_text(kept, "results.0.text"), "one");
}

static void large_contents_go_out_in_parts(void **state)
{
	(void)state;
	const size_t len = 3000000;
	CUA_AUTO_FREE char *large = malloc(len + 1);
	for (size_t i = 0; i < len; i++) {
		large[i] = (char)('a' + i * 7919 % 26);
	}
	large[len] = '\0';
	cJSON_Delete(desktop_text_action(&desktop, "clipboard_set", "text", large));
	free(desktop_sh(&desktop, "xclip -o -selection clipboard -t UTF8_STRING >large"));
	CUA_AUTO_FREE char *got = home_file(&desktop, "large");
	assert_int_equal(strlen(got), len);
	assert_string_equal(got, large);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *action, *said;
		long status;
	} wrong[] = { { "\"clipboard_set\",\"png_base64\":\"%%%\"", "not base64", 400 },
		{ "\"clipboard_set\",\"png_base64\":\"aGVsbG8gd29ybGQ=\"", "is no PNG", 400 },
		{ "\"clipboard_set\",\"png_base64\":"
		  "\"iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf\"",
				"it is cut off", 400 },
		{ "\"clipboard_set\",\"png_base64\":"
		  "\"iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8ABRAwQCgAf7gP9i1"
		  "8U1AAAAABJRU5ErkJggg==\"",
				"cannot be decoded", 400 },
		{ "\"clipboard_set\",\"png_base64\":"
		  "\"iVBORw0KGgoAAAANSUhEUgABhqAAAYagCAIAAAAnMJyf\"",
				"cannot be decoded", 400 },
		{ "\"clipboard_set\",\"files\":\"relative/path\"", "relative/path", 400 },
		{ "\"clipboard_set\",\"files\":\"\\n\"", "names no file", 400 },
		{ "\"clipboard_set\"", "text is missing", 400 },
		{ "\"clipboard_get\",\"format\":\"gif\"", "text, html, png, files", 400 },
		{ "\"clipboard_get\",\"selection\":\"x\"", "clipboard, primary", 400 },
		{ "\"clipboard_get\",\"format\":\"png\"", "holds no png; it holds [\"text\"]",
				404 } };
	(void)state;
	desktop_do(&desktop, "[{\"action\":\"clipboard_set\",\"text\":\"kept\"}]");
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		char body[256];
		long status = 0;
		snprintf(body, sizeof(body), "{\"actions\":[{\"action\":%s}]}", wrong[i].action);
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &status);
		const char *message = json_text(answer, "error.message");
		if (status != wrong[i].status || !strstr(message, wrong[i].said)) {
			fail_msg("%s: status %ld: %s", body, status, message);
		}
	}
	CUA_AUTO_JSON cJSON *kept = get("text", "clipboard");
	assert_string_equal(json_text(kept, "results.0.text"), "kept");
}

/* --- from standard input --- */

/* `cua clipboard_set WORD...` with this input; what it says must be there. */
static void set_from(const char *input, size_t len, int exit_status, const char *said,
		const char *first, const char *second)
{
	const char *const argv[] = { world.program, "clipboard_set", first, second, NULL };
	struct output output;
	world_exec(&world, argv, NULL, input, len, &output);
	expect_status(&output, exit_status, first);
	assert_says(output.err, said);
	output_finish(&output);
}

static void expect_text(const char *text)
{
	CUA_AUTO_JSON cJSON *got = get("text", "clipboard");
	assert_string_equal(json_text(got, "results.0.text"), text);
}

static void a_dash_is_standard_input(void **state)
{
	(void)state;
	set_from("two\nlines\n", 10, 0, "", "-", NULL);
	expect_text("two\nlines\n");
	set_from("<b>x</b>", 8, 0, "", "a - b", "--html=-");
	expect_text("a - b");
	CUA_AUTO_JSON cJSON *html = get("html", "clipboard");
	assert_string_equal(json_text(html, "results.0.html"), "<b>x</b>");
	set_from("not read", 8, 0, "", "--", "-");
	expect_text("-");
	set_from("", 0, 0, "", "-", NULL);
	expect_text("");
	/* As base64 prints it, in lines. */
	char lines[sizeof(png_base64) + 4];
	snprintf(lines, sizeof(lines), "%.40s\n%s\n", png_base64, png_base64 + 40);
	set_from(lines, strlen(lines), 0, "", "--png-base64=-", NULL);
	set_from("a\0b", 3, 1, "text: standard input is no text: it has a NUL at byte 1", "-",
			NULL);
	set_from("ab\xff", 3, 1, "text: standard input: invalid UTF-8 at byte 2", "-", NULL);
	set_from("x", 1, 2, "standard input is text already", "-", "-");
}

/* --- applications --- */

static bool html_has(void *data)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"clipboard_get\",\"format\":\"html\"}]}",
			&status);
	return strstr(json_text(answer, "results.0.html"), data) != NULL;
}

static bool has_png(void *data)
{
	long status = 0;
	(void)data;
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"clipboard_get\",\"format\":\"png\"}]}",
			&status);
	return strlen(json_text(answer, "results.0.png_base64")) > 20;
}

static void chromium_copies_html_and_a_picture(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	char page[1024], path[512];
	const int len = snprintf(page, sizeof(page),
			"<!doctype html><meta "
			"charset=utf-8><title>copy</title><p><b>b\xc3\xb6ld</b> "
			"text</p><canvas id=c width=40 height=40></canvas><script>"
			"addEventListener('keydown', e => { if (e.key === 'F9') c.toBlob(b => "
			"navigator.clipboard.write([new ClipboardItem({'image/png': b})])); "
			"});</script>");
	snprintf(path, sizeof(path), "%s/copy.html", desktop.home);
	assert_int_equal(cua_file_write(path, page, (size_t)len, 0644, NULL), CUA_OK);
	desktop_do(&desktop,
			"[{\"action\":\"open_url\",\"url\":\"file:///home/agent/copy.html\"},"
			"{\"action\":\"click\",\"x\":700,\"y\":500},"
			"{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
			"{\"action\":\"key\",\"keys\":\"ctrl+c\"}]");
	char bold[] = "b\xc3\xb6ld</b>";
	wait_until(html_has, bold, "Chromium has copied HTML");
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"F9\"}]");
	wait_until(has_png, NULL, "Chromium has copied a picture");
}

/* What Writer copies afterwards says what it took. */
static void writer_pastes_html_and_a_picture(void **state)
{
	(void)state;
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", "LibreOffice Writer"));
	desktop_do(&desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"b\xc3\xb6ld\",\"html\":"
			"\"<p>so <b>b\xc3\xb6ld</b></p>\"},"
			"{\"action\":\"key\",\"keys\":\"ctrl+v\"},{\"action\":\"key\",\"keys\":"
			"\"ctrl+a\"}"
			",{\"action\":\"key\",\"keys\":\"ctrl+c\"}]");
	char bold[] = "<b>b\xc3\xb6ld</b>";
	wait_until(html_has, bold, "Writer has pasted HTML and copied it");
	desktop_do(&desktop,
			"[{\"action\":\"clipboard_set\",\"png_base64\":\"%s\"},{\"action\":\"key\","
			"\"keys\":\"ctrl+a\"},{\"action\":\"key\",\"keys\":\"ctrl+v\"},{\"action\":"
			"\"key\",\"keys\":\"ctrl+c\"}]",
			png_base64);
	wait_until(has_png, NULL, "Writer has pasted a picture and copied it");
	desktop_end_processes(&desktop, "soffice.bin");
}

static bool file_is_there(void *data)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", desktop.home, (const char *)data);
	return access(path, F_OK) == 0;
}

static bool files_are(void *data)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"clipboard_get\",\"format\":\"files\"}]}",
			&status);
	return strcmp(json_text(answer, "results.0.files.0"), data) == 0;
}

static void a_file_manager_pastes_and_copies_files(void **state)
{
	(void)state;
	if (access("/usr/bin/pcmanfm", X_OK) != 0) {
		skip();
	}
	free(desktop_sh(&desktop, "mkdir -p from to; echo content >'from/a b \xc3\xa9.txt'"));
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", "pcmanfm /home/agent/to"));
	cJSON_Delete(desktop_text_action(
			&desktop, "clipboard_set", "files", "/home/agent/from/a b \xc3\xa9.txt"));
	desktop_do(&desktop,
			"[{\"action\":\"click\",\"x\":900,\"y\":600},"
			"{\"action\":\"key\",\"keys\":\"ctrl+v\"}]");
	char pasted[] = "to/a b \xc3\xa9.txt";
	wait_until(file_is_there, pasted, "the file manager has pasted the file");
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
			"{\"action\":\"key\",\"keys\":\"ctrl+c\"}]");
	char copied[] = "/home/agent/to/a b \xc3\xa9.txt";
	wait_until(files_are, copied, "the file manager has copied the file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_forms_of_one_content_are_offered),
		cmocka_unit_test(what_a_program_offers_is_got),
		cmocka_unit_test(primary_is_another_clipboard),
		cmocka_unit_test(large_contents_go_out_in_parts),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_dash_is_standard_input),
		cmocka_unit_test(chromium_copies_html_and_a_picture),
		cmocka_unit_test(writer_pastes_html_and_a_picture),
		cmocka_unit_test(a_file_manager_pastes_and_copies_files),
	};
	return cmocka_run_group_tests_name("desktop_formats", tests, start, finish);
}
