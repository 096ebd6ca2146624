(* SPDX-License-Identifier: MIT *)
(* fetch HOST PORT TARGET: the Unix library's channels, the body on stdout *)
let () =
  let host = Sys.argv.(1) in
  let address = (Unix.gethostbyname host).Unix.h_addr_list.(0) in
  let ic, oc = Unix.open_connection (Unix.ADDR_INET (address, int_of_string Sys.argv.(2))) in
  Printf.fprintf oc "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n%!" Sys.argv.(3) host;
  while String.trim (input_line ic) <> "" do () done;
  let piece = Bytes.create 65536 in
  let rec copy () =
    let n = input ic piece 0 65536 in
    if n > 0 then (output stdout piece 0 n; copy ())
  in
  copy ();
  flush stdout
