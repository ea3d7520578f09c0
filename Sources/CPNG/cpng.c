#include "cpng.h"

#include <png.h>
#include <string.h>

static int begin(png_image *image, const void *bytes, size_t count) {
    memset(image, 0, sizeof *image);
    image->version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(image, bytes, count)) return 1;
    png_image_free(image);
    return 0;
}

int cpng_inspect(const void *bytes, size_t count, cpng_shape *shape) {
    png_image image;
    if (!begin(&image, bytes, count)) return 0;
    shape->height = image.height;
    shape->width = image.width;
    shape->has_colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
    png_image_free(&image);
    return 1;
}

int cpng_decode(const void *bytes, size_t count, uint32_t height, uint32_t width, int channels, uint8_t *pixels) {
    png_image image;
    if (!begin(&image, bytes, count)) return 0;
    const int has_colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
    if (image.height != height || image.width != width || (channels == 1 && has_colour)) {
        png_image_free(&image);
        return 0;
    }
    image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    const png_color black = {0, 0, 0};
    // Warnings, such as a wrong checksum of an ancillary chunk, are not errors.
    const int is_read = png_image_finish_read(&image, &black, pixels, 0, NULL);
    png_image_free(&image);
    return is_read;
}
