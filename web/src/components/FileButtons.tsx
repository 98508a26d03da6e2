import { useState } from "react";
import { messageOf } from "../api/problem";
import { Notice } from "./parts";

interface FileProps {
  /** Fetches the file of a format. */
  fetchFile: (format: string) => Promise<Blob>;
  files: readonly { format: string; label: string; name: string }[];
}

/** Saves files that only the signed-in user may fetch, which a plain link could not. */
export function FileButtons({ fetchFile, files }: FileProps) {
  const [busy, setBusy] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);

  const save = async (format: string, name: string) => {
    setBusy(format);
    setFailure(null);
    try {
      const address = URL.createObjectURL(await fetchFile(format));
      const link = document.createElement("a");
      link.href = address;
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(null);
    }
  };

  return (
    <div className="file-buttons">
      {files.map((file) => (
        <button
          key={file.format}
          type="button"
          className="small"
          disabled={busy !== null}
          data-testid={`file-${file.name}`}
          onClick={() => void save(file.format, file.name)}
        >
          {busy === file.format ? "Fetching…" : file.label}
        </button>
      ))}
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
    </div>
  );
}
