/* Another size for the screen while applications run.
 * Source: X Resize, Rotate and Reflect Extension 1.6; Xvfb allows any mode up to the size that its
 * framebuffer got at its start. */

#include "display/display_internal.h"

#include <stdio.h>
#include <string.h>

#include <X11/extensions/Xrandr.h>

#include "cua/base/util.h"

#define SCREEN_WIDTH_MIN 320
#define SCREEN_HEIGHT_MIN 200
#define RESIZE_TIMEOUT_MS 3000
#define MM_PER_INCH 25.4

static enum cua_status check_bounds(
		struct display *display, int width, int height, struct cua_error *err)
{
	int min_width = 0, min_height = 0, max_width = 0, max_height = 0;
	if (!XRRGetScreenSizeRange(display->xlib, display->root, &min_width, &min_height,
			    &max_width, &max_height)) {
		return CUA_FAIL(err, CUA_ERR_X11, 0,
				"the X server does not say which sizes it has");
	}
	if (width < SCREEN_WIDTH_MIN || width > max_width || height < SCREEN_HEIGHT_MIN ||
			height > max_height) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"width and height are %dx%d; this desktop takes %dx%d to %dx%d "
				"(cua "
				"desktop start --max-size makes room for more)",
				width, height, SCREEN_WIDTH_MIN, SCREEN_HEIGHT_MIN, max_width,
				max_height);
	}
	return CUA_OK;
}

static RRMode find_mode(const XRRScreenResources *resources, int width, int height)
{
	for (int i = 0; i < resources->nmode; i++) {
		if ((int)resources->modes[i].width == width &&
				(int)resources->modes[i].height == height) {
			return resources->modes[i].id;
		}
	}
	return None;
}

/* A mode of this size; there is no monitor that its times could be wrong for. */
static RRMode make_mode(struct display *display, RROutput output, int width, int height)
{
	char name[32];
	snprintf(name, sizeof(name), "cua-%dx%d", width, height);
	XRRModeInfo info = { .width = (unsigned int)width,
		.height = (unsigned int)height,
		.dotClock = (unsigned long)width * (unsigned long)height * 60,
		.hTotal = (unsigned int)width,
		.vTotal = (unsigned int)height,
		.hSyncStart = (unsigned int)width,
		.hSyncEnd = (unsigned int)width,
		.vSyncStart = (unsigned int)height,
		.vSyncEnd = (unsigned int)height,
		.name = name,
		.nameLength = (unsigned int)strlen(name) };
	const RRMode mode = XRRCreateMode(display->xlib, display->root, &info);
	if (mode != None) {
		XRRAddOutputMode(display->xlib, output, mode);
	}
	return mode;
}

/* Modes of ours that are not in use: a desktop may be resized any number of times. */
static void remove_old_modes(struct display *display, RROutput output, RRMode in_use)
{
	XRRScreenResources *resources = XRRGetScreenResourcesCurrent(display->xlib, display->root);
	for (int i = 0; resources && i < resources->nmode; i++) {
		const XRRModeInfo *mode = &resources->modes[i];
		if (mode->id != in_use && mode->name && strncmp(mode->name, "cua-", 4) == 0) {
			XRRDeleteOutputMode(display->xlib, output, mode->id);
			XRRDestroyMode(display->xlib, mode->id);
		}
	}
	if (resources) {
		XRRFreeScreenResources(resources);
	}
}

static void set_screen(struct display *display, int width, int height)
{
	const double mm_per_pixel = MM_PER_INCH /
			(display->record.settings.dpi > 0 ? display->record.settings.dpi : 96);
	XRRSetScreenSize(display->xlib, display->root, width, height,
			(int)(width * mm_per_pixel + 0.5), (int)(height * mm_per_pixel + 0.5));
}

/* The screen may never be smaller than what is shown on it: first as large as both, then the
 * other mode, then its own size. Nobody else sees the steps between. */
static enum cua_status switch_mode(struct display *display, XRRScreenResources *resources,
		int width, int height, struct cua_error *err)
{
	const RRCrtc crtc = resources->crtcs[0];
	RROutput output = resources->outputs[0];
	RRMode mode = find_mode(resources, width, height);
	mode = mode != None ? mode : make_mode(display, output, width, height);
	if (mode == None) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server takes no mode of %dx%d", width,
				height);
	}
	const int both_width = width > display->width_px ? width : display->width_px;
	const int both_height = height > display->height_px ? height : display->height_px;
	XGrabServer(display->xlib);
	if (both_width != display->width_px || both_height != display->height_px) {
		set_screen(display, both_width, both_height);
	}
	const Status result = XRRSetCrtcConfig(display->xlib, resources, crtc, CurrentTime, 0, 0,
			mode, RR_Rotate_0, &output, 1);
	if (result == RRSetConfigSuccess) {
		set_screen(display, width, height);
	} else {
		set_screen(display, display->width_px, display->height_px);
	}
	XUngrabServer(display->xlib);
	XFlush(display->xlib);
	remove_old_modes(display, output, mode);
	return result == RRSetConfigSuccess
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_X11, 0, "the X server refused %dx%d", width,
					  height);
}

struct size {
	int width, height;
};

static bool has_size(struct display *display, void *user_data)
{
	const struct size *size = user_data;
	return display->resized
			? display->new_width_px == size->width &&
					display->new_height_px == size->height
			: display->width_px == size->width && display->height_px == size->height;
}

enum cua_status screen_resize(struct display *display, int width, int height, struct cua_error *err)
{
	struct size size = { width, height };
	enum cua_status status = check_bounds(display, width, height, err);
	if (status != CUA_OK || has_size(display, &size)) {
		return status;
	}
	XRRScreenResources *resources = XRRGetScreenResourcesCurrent(display->xlib, display->root);
	if (!resources || resources->ncrtc < 1 || resources->noutput < 1) {
		status = CUA_FAIL(err, CUA_ERR_X11, 0, "the X server has no screen to resize");
	} else {
		status = switch_mode(display, resources, width, height, err);
	}
	if (resources) {
		XRRFreeScreenResources(resources);
	}
	if (status == CUA_OK) {
		status = display_wait(display, cua_now_us() + RESIZE_TIMEOUT_MS * 1000ULL, has_size,
				&size, err);
	}
	/* The frame first, for all that asks how large the screen is. */
	return status == CUA_OK ? frame_update(display, err) : status;
}

enum cua_status screen_act(struct display *display, const struct cua_action *action, cJSON *result,
		struct cua_error *err)
{
	enum cua_status status = screen_resize(display, action->width, action->height, err);
	/* Windows that were beyond the new edges are inside when the manager is done. */
	if (status == CUA_OK) {
		status = window_await_manager(display, err);
	}
	if (status == CUA_OK) {
		cJSON_AddNumberToObject(result, "width", display->width_px);
		cJSON_AddNumberToObject(result, "height", display->height_px);
	}
	return status;
}
