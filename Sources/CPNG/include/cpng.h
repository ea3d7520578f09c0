// libpng for Swift, through its simplified interface, which handles setjmp/longjmp internally.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The size of an image, and whether it has colour (palettes included).
typedef struct {
    uint32_t height;
    uint32_t width;
    int has_colour;
} cpng_shape;

// Reads the shape of an encoded image. Returns 0 if the bytes are not a PNG file.
int cpng_inspect(const void *bytes, size_t count, cpng_shape *shape);

// Decodes an image of exactly this height and width into `pixels`, [height, width, channels] bytes of sRGB; transparent
// pixels are composed over black. `channels` is 1 (gray; colour images are rejected) or 3. Returns 0 on failure.
int cpng_decode(const void *bytes, size_t count, uint32_t height, uint32_t width, int channels, uint8_t *pixels);
