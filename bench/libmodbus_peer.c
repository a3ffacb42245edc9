/* libmodbus (Debian: libmodbus-dev) at both ends of bench/modbus_tcp.py.
 *
 * libmodbus_peer serve             a TCP server on a free port of the loopback, which it prints; register n holds n; ends with
 *                                  its standard input
 * libmodbus_peer ask PORT N COUNT  N reads of COUNT holding registers, each checked; prints wall and CPU seconds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, modbus_strerror(errno));
    return 1;
}

static int serve(void) {
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, 200, 200);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    fd_set watched, ready;
    int listening = modbus_tcp_listen(ctx, 16), most = listening;

    if (listening < 0 || getsockname(listening, (struct sockaddr *)&address, &size) < 0) return fail("listen");
    for (int n = 0; n < 200; n++) map->tab_registers[n] = map->tab_input_registers[n] = n;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    FD_ZERO(&watched);
    FD_SET(STDIN_FILENO, &watched);
    FD_SET(listening, &watched);
    for (;;) {
        ready = watched;
        if (select(most + 1, &ready, NULL, NULL, NULL) < 0) return fail("select");
        if (FD_ISSET(STDIN_FILENO, &ready)) return 0;
        for (int fd = 1; fd <= most; fd++) {
            if (!FD_ISSET(fd, &ready)) continue;
            if (fd == listening) {
                int taken = modbus_tcp_accept(ctx, &listening);
                FD_SET(taken, &watched);
                if (taken > most) most = taken;
                continue;
            }
            modbus_set_socket(ctx, fd);
            int got = modbus_receive(ctx, query);
            if (got > 0) {
                modbus_reply(ctx, query, got, map);
            } else if (got < 0) {
                close(fd);
                FD_CLR(fd, &watched);
            }
        }
    }
}

static double cpu_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1e-6 * (used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static double wall_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

static int ask(int port, int times, int count) {
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", port);
    uint16_t words[MODBUS_MAX_READ_REGISTERS];

    if (modbus_connect(ctx) < 0) return fail("connect");
    double began_s = wall_s(), used_s = cpu_s();
    for (int n = 0; n < times; n++) {
        if (modbus_read_registers(ctx, 0, count, words) != count || words[count - 1] != count - 1) return fail("read");
    }
    printf("%.6f %.6f\n", wall_s() - began_s, cpu_s() - used_s);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "serve")) return serve();
    if (argc == 5 && !strcmp(argv[1], "ask")) return ask(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
    fprintf(stderr, "usage: libmodbus_peer serve | ask PORT N COUNT\n");
    return 2;
}
