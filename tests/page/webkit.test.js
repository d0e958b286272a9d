// The page in WebKit, of which Safari is made.

import { WEBKIT, visitInWebkit } from "./help/webkit.js";
import { wholePath } from "./help/whole-path.js";

wholePath(!WEBKIT && "no WebKit: install its driver and Xvfb, and name the driver in FOVEA_WEBKIT", visitInWebkit);
