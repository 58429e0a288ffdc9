/* A camera that is not there: preloaded into a program, this answers what the program asks of /dev/video0 as a driver of
 * Video4Linux would (https://docs.kernel.org/userspace-api/media/v4l/). Everything else goes to the system.
 *
 * The folder KOMADO_TEST_CAMERA has: `dev/video0` (the camera is plugged in), `name`, `mode` ("1280 720 YUYV"), `frames`
 * (pictures of width * height * 2 bytes each, a JPEG is padded to that), and `busy` or `forbidden` where it is so. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/videodev2.h>

enum { BUFFERS = 8, RATE = 30 };
static const char DEVICE[] = "/dev/video0";
static const char NAME[] = "/sys/class/video4linux/video0/name";

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_poll)(struct pollfd *, nfds_t, int);
static long (*real_syscall)(long, ...);
static DIR *(*real_opendir)(const char *);

static int camera = -1, streams, width, height, queue[BUFFERS], head, waiting, buffers;
static unsigned format, sequence;
static unsigned char *memory, *frames;
static size_t frame_bytes, frame_count, slot;
static struct timespec due;

__attribute__((constructor)) static void find_system(void) {
    real_open = dlsym(RTLD_NEXT, "open");
    real_close = dlsym(RTLD_NEXT, "close");
    real_poll = dlsym(RTLD_NEXT, "poll");
    real_syscall = dlsym(RTLD_NEXT, "syscall");
    real_opendir = dlsym(RTLD_NEXT, "opendir");
}

static const char *place(const char *file) {
    static __thread char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("KOMADO_TEST_CAMERA"), file);
    return path;
}

static int is_there(const char *file) { return access(place(file), F_OK) == 0; }

static int fail(int error) {
    errno = error;
    return -1;
}

static int open_camera(void) {
    if (!is_there("dev/video0")) return fail(ENODEV);
    if (is_there("forbidden")) return fail(EACCES);
    if (is_there("busy") || camera >= 0) return fail(EBUSY);
    char layout[5] = "YUYV";
    FILE *mode = fopen(place("mode"), "r");
    if (!mode || fscanf(mode, "%d %d %4s", &width, &height, layout) != 3) return fail(EIO);
    fclose(mode);
    format = v4l2_fourcc(layout[0], layout[1], layout[2], layout[3]);
    frame_bytes = (size_t)width * height * 2;
    slot = (frame_bytes + 4095) & ~(size_t)4095;
    int source = real_open(place("frames"), O_RDONLY);
    struct stat about;
    if (source < 0 || fstat(source, &about) != 0 || (frame_count = about.st_size / frame_bytes) == 0) return fail(EIO);
    frames = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, source, 0);
    real_close(source);
    camera = memfd_create("camera", 0);
    if (camera < 0 || ftruncate(camera, slot * BUFFERS) != 0) return fail(EIO);
    memory = mmap(NULL, slot * BUFFERS, PROT_READ | PROT_WRITE, MAP_SHARED, camera, 0);
    head = waiting = streams = 0;
    return camera;
}

static int opened(const char *path, int flags, mode_t mode) {
    if (path && getenv("KOMADO_TEST_CAMERA")) {
        if (strcmp(path, DEVICE) == 0) return open_camera();
        if (strcmp(path, NAME) == 0) return real_open(place("name"), flags, mode);
    }
    return real_open(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, int);
    va_end(rest);
    return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, int);
    va_end(rest);
    return opened(path, flags | O_LARGEFILE, mode);
}

DIR *opendir(const char *path) {
    int devices = path && getenv("KOMADO_TEST_CAMERA") && (strcmp(path, "/dev") == 0 || strcmp(path, "/dev/") == 0);
    return real_opendir(devices ? place("dev") : path);
}

int close(int file) {
    if (file >= 0 && file == camera) {
        munmap(memory, slot * BUFFERS);
        camera = -1;
    }
    return real_close(file);
}

int poll(struct pollfd *files, nfds_t count, int patience) {
    if (count != 1 || camera < 0 || files->fd != camera) return real_poll(files, count, patience);
    files->revents = is_there("dev/video0") ? POLLIN : POLLERR;
    if (streams) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    return 1;
}

static void describe(struct v4l2_format *described) {
    struct v4l2_pix_format *picture = &described->fmt.pix;
    picture->width = width;
    picture->height = height;
    picture->pixelformat = format;
    picture->field = V4L2_FIELD_NONE;
    picture->bytesperline = format == V4L2_PIX_FMT_YUYV ? width * 2 : 0;
    picture->sizeimage = frame_bytes;
    picture->colorspace = V4L2_COLORSPACE_SRGB;
}

static int give(struct v4l2_buffer *buffer) {
    if (!is_there("dev/video0")) return fail(ENODEV);
    if (!streams) return fail(EINVAL);
    if (!waiting) return fail(EAGAIN);
    int index = queue[head];
    head = (head + 1) % BUFFERS;
    waiting--;
    memcpy(memory + index * slot, frames + sequence % frame_count * frame_bytes, frame_bytes);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    buffer->index = index;
    buffer->bytesused = frame_bytes;
    buffer->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->field = V4L2_FIELD_NONE;
    buffer->sequence = sequence++;
    buffer->timestamp.tv_sec = now.tv_sec;
    buffer->timestamp.tv_usec = now.tv_nsec / 1000;
    buffer->length = slot;
    buffer->m.offset = index * slot;
    due.tv_nsec += 1000000000 / RATE;
    if (due.tv_nsec >= 1000000000) {
        due.tv_nsec -= 1000000000;
        due.tv_sec++;
    }
    return 0;
}

static int answer(unsigned request, void *given) {
    switch (request) {
    case (unsigned)VIDIOC_QUERYCAP: {
        struct v4l2_capability *about = given;
        memset(about, 0, sizeof *about);
        strcpy((char *)about->driver, "virtual");
        strcpy((char *)about->card, "Virtual Camera");
        about->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        about->capabilities = about->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *one = given;
        if (one->index != 0 || one->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
        one->flags = 0;
        one->pixelformat = format;
        strcpy((char *)one->description, "the only one");
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *one = given;
        if (one->index != 0 || one->pixel_format != format) return fail(EINVAL);
        one->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        one->discrete.width = width;
        one->discrete.height = height;
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *one = given;
        if (one->index != 0) return fail(EINVAL);
        one->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        one->discrete.numerator = 1;
        one->discrete.denominator = RATE;
        return 0;
    }
    case (unsigned)VIDIOC_G_FMT:
    case (unsigned)VIDIOC_S_FMT:
    case (unsigned)VIDIOC_TRY_FMT: describe(given); return 0;
    case (unsigned)VIDIOC_G_PARM:
    case (unsigned)VIDIOC_S_PARM: {
        struct v4l2_captureparm *capture = &((struct v4l2_streamparm *)given)->parm.capture;
        capture->capability = V4L2_CAP_TIMEPERFRAME;
        capture->timeperframe.numerator = 1;
        capture->timeperframe.denominator = RATE;
        return 0;
    }
    case (unsigned)VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *wanted = given;
        if (wanted->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
        if (wanted->count > BUFFERS) wanted->count = BUFFERS;
        buffers = wanted->count;
        waiting = 0;
        return 0;
    }
    case (unsigned)VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = given;
        if ((int)buffer->index >= buffers) return fail(EINVAL);
        buffer->length = slot;
        buffer->m.offset = buffer->index * slot;
        return 0;
    }
    case (unsigned)VIDIOC_QBUF: {
        if (waiting == BUFFERS) return fail(EINVAL);
        queue[(head + waiting++) % BUFFERS] = ((struct v4l2_buffer *)given)->index;
        return 0;
    }
    case (unsigned)VIDIOC_DQBUF: return give(given);
    case (unsigned)VIDIOC_STREAMON:
        streams = 1;
        clock_gettime(CLOCK_MONOTONIC, &due);
        return 0;
    case (unsigned)VIDIOC_STREAMOFF: streams = waiting = 0; return 0;
    default: return fail(ENOTTY);
    }
}

int ioctl(int file, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *given = va_arg(rest, void *);
    va_end(rest);
    if (camera >= 0 && file == camera) return answer(request, given);
    return real_syscall(SYS_ioctl, (long)file, (long)request, given, 0L, 0L, 0L);
}

long syscall(long number, ...) {
    long given[6];
    va_list rest;
    va_start(rest, number);
    for (int at = 0; at < 6; at++) given[at] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_ioctl && camera >= 0 && given[0] == camera) return answer(given[1], (void *)given[2]);
    return real_syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
