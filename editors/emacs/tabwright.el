;;; tabwright.el --- Ghost text from Tabwright, by lsp-mode -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "28.1") (lsp-mode "10.0.0"))

;;; Commentary:

;; Put this file into your `load-path' and
;;
;;   (require 'tabwright)
;;   (add-hook 'prog-mode-hook #'lsp-deferred)
;;
;; into your init file.  Tabwright runs beside the servers that lsp-mode starts otherwise.

;;; Code:

(require 'lsp-mode)
(require 'lsp-inline-completion)

(defgroup tabwright nil
  "Code completion that runs entirely on your own machine."
  :group 'lsp-mode)

(defcustom tabwright-command '("tabwright" "serve")
  "The server's command line."
  :type '(repeat string))

(defcustom tabwright-settings nil
  "The server's settings, such as \\='((maxLines . 6)).
They are read when the server starts."
  :type '(alist :key-type symbol))

(defun tabwright--initialization-options ()
  "Return the settings, and that there is no need of a completion list.
lsp-mode shows inline completions but does not declare them, and every
suggestion would come twice."
  (append tabwright-settings '((completionList . "never"))))

(lsp-register-client
 (make-lsp-client
  :new-connection (lsp-stdio-connection (lambda () tabwright-command))
  :activation-fn (lambda (&rest _) t)
  :server-id 'tabwright
  :add-on? t
  :multi-root t
  :initialization-options #'tabwright--initialization-options))

;; lsp-mode waits for two seconds by itself; the server knows when to wait.
(setq lsp-inline-completion-idle-delay 0.1)

;; C-<return>, its own key, does not exist in a terminal.
(define-key lsp-inline-completion-active-map (kbd "TAB") #'lsp-inline-completion-accept)

(provide 'tabwright)
;;; tabwright.el ends here
