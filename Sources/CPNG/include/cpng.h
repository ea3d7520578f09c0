// libpng for Swift: its simplified interface, whose jumps over stack frames never leave it.
#pragma once

#include <stddef.h>
#include <stdint.h>

// An image's size, and whether it has colour (palettes included).
typedef struct {
    uint32_t height;
    uint32_t width;
    int has_colour;
} cpng_shape;

// Reads the shape from the bytes of a file. Returns 0 where they are no PNG.
int cpng_inspect(const void *bytes, size_t count, cpng_shape *shape);

// Decodes an image of that very height and width into `pixels`, [height, width, channels] bytes of sRGB, over black where
// it is transparent. `channels` is 1 (gray; an image with colour is refused) or 3. Returns 0 where the bytes are damaged.
int cpng_decode(const void *bytes, size_t count, uint32_t height, uint32_t width, int channels, uint8_t *pixels);
