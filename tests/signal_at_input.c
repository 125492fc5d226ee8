/* Linked into a host: sends it a signal when the X server has got the N-th key, button or motion
 * event since the file "at_event" is in the runtime directory, which holds N and the signal. What
 * it would wait minutes for, it waits a second for. */

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

#include <X11/Xlib.h>
#include <X11/extensions/XTest.h>

#define MINUTES_MS 120000

static pid_t host;
static int events, counting_to;

/* What the host forks is left alone. */
__attribute__((constructor)) static void note_host(void)
{
	host = getpid();
}

static void count(Display *display)
{
	char path[512];
	int wanted = 0, signal_number = 0;
	snprintf(path, sizeof(path), "%s/at_event", getenv("CUA_RUNTIME_DIR"));
	FILE *file = getpid() == host ? fopen(path, "re") : NULL;
	if (!file) {
		events = 0;
		return;
	}
	if (fscanf(file, "%d %d", &wanted, &signal_number) != 2) {
		wanted = 0;
	}
	fclose(file);
	if (wanted != counting_to) {
		counting_to = wanted;
		events = 0;
	}
	if (++events == wanted) {
		XSync(display, False);
		/* To this thread: it does not go on before the signal has had its effect. */
		raise(signal_number);
	}
}

int XTestFakeKeyEvent(Display *display, unsigned int keycode, Bool down, unsigned long delay)
{
	int (*next)(Display *, unsigned int, Bool, unsigned long);
	*(void **)&next = dlsym(RTLD_NEXT, "XTestFakeKeyEvent");
	const int result = next(display, keycode, down, delay);
	count(display);
	return result;
}

int XTestFakeButtonEvent(Display *display, unsigned int button, Bool down, unsigned long delay)
{
	int (*next)(Display *, unsigned int, Bool, unsigned long);
	*(void **)&next = dlsym(RTLD_NEXT, "XTestFakeButtonEvent");
	const int result = next(display, button, down, delay);
	count(display);
	return result;
}

int XTestFakeMotionEvent(Display *display, int screen, int x, int y, unsigned long delay)
{
	int (*next)(Display *, int, int, int, unsigned long);
	*(void **)&next = dlsym(RTLD_NEXT, "XTestFakeMotionEvent");
	const int result = next(display, screen, x, y, delay);
	count(display);
	return result;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb on_timer, uint64_t timeout_ms, uint64_t repeat_ms)
{
	int (*next)(uv_timer_t *, uv_timer_cb, uint64_t, uint64_t);
	*(void **)&next = dlsym(RTLD_NEXT, "uv_timer_start");
	return next(timer, on_timer, timeout_ms > MINUTES_MS ? 1000 : timeout_ms, repeat_ms);
}
