// The process a backup is made in.
import { serveArchive } from '../store/sqlite/archive/archive-server.ts';

serveArchive(process);
