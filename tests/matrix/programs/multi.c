/* SPDX-License-Identifier: MIT */
/* multi URL: libcurl's multi interface, the body on stdout. */
#include <curl/curl.h>

int main(int argc, char **argv)
{
    int running = 1, left;
    if (argc != 2)
        return 64;
    curl_global_init(CURL_GLOBAL_ALL);
    CURL *easy = curl_easy_init();
    CURLM *multi = curl_multi_init();
    curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_multi_add_handle(multi, easy);
    while (running)
        if (curl_multi_perform(multi, &running) != CURLM_OK ||
            (running && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK))
            return 65;
    CURLMsg *m = curl_multi_info_read(multi, &left);
    return m ? (int)m->data.result : 66;
}
