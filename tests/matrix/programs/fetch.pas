program fetch; { SPDX-License-Identifier: MIT; fetch URL: Free Pascal's own system calls, the body on stdout }
{$mode objfpc}
uses classes, fphttpclient, iostream;
var body: TIOStream;
begin
  body := TIOStream.Create(iosOutput);
  TFPHTTPClient.SimpleGet(ParamStr(1), body);
  body.Free;
end.
