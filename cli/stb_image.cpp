// The implementation of stb's public-domain picture reader, limited to what Shoal reads; compiled without warnings.
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 65536
#include <stb_image.h>
